//! Shared data: values that all virtual machines of a host have in common, as Envoy keeps them for each
//! `vm_id`.

use super::{
    hostcalls::{Call, Linked},
    memory::{Fault, ResultSpan, Span, Status, give, read, reply, write_u32},
    state::State,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use wasmi::Linker;

/// The values of one `vm_id`, by key, with the number of their last change.
#[derive(Clone, Debug, Default)]
pub struct SharedData(Rc<RefCell<Values>>);

type Values = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

impl SharedData {
    /// Every value by its key.
    #[must_use]
    pub fn values(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let values = self.0.borrow();
        let value = |(key, (value, _)): (&Vec<u8>, &(Vec<u8>, u32))| (key.clone(), value.clone());
        values.iter().map(value).collect()
    }

    /// Writes a value, as another plugin does.
    pub fn write(&self, key: &[u8], value: &[u8]) {
        self.set(key, value, 0).expect("whatever its number");
    }

    /// As Envoy has it: a number that is not 0 must be that of the value, if there is one.
    fn set(&self, key: &[u8], value: &[u8], expected: u32) -> Result<(), Status> {
        let mut values = self.0.borrow_mut();
        let known = values.get(key).map(|(_, number)| *number);
        if expected != 0 && known.is_some_and(|number| number != expected) {
            return Err(Status::CasMismatch);
        }
        values.insert(key.to_vec(), (value.to_vec(), known.unwrap_or(0) + 1));
        Ok(())
    }
}

/// Links the hostcalls.
pub(super) fn link(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut call: Call<'_>, key: u32, size: u32, to: u32, to_size: u32, number: u32| {
            let to = ResultSpan(to, to_size);
            reply(get(&mut call, Span(key, size), to, number))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |call: Call<'_>, key: u32, size: u32, at: u32, length: u32, number: u32| {
            reply(set(&call, Span(key, size), Span(at, length), number))
        },
    )?;
    Ok(())
}

fn get(call: &mut Call<'_>, key: Span, to: ResultSpan, number: u32) -> Result<(), Fault> {
    call.data().offers("proxy_get_shared_data")?;
    let key = read(call, key)?;
    let found = call.data().shared_data.0.borrow().get(&key).cloned();
    let (value, change) = found.ok_or(Status::NotFound)?;
    give(call, &value, to)?;
    write_u32(call, number, change)
}

fn set(call: &Call<'_>, key: Span, value: Span, number: u32) -> Result<(), Fault> {
    call.data().offers("proxy_set_shared_data")?;
    let (key, value) = (read(call, key)?, read(call, value)?);
    call.data().shared_data.set(&key, &value, number)?;
    Ok(())
}
