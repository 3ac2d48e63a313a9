//! The module's linear memory, seen from a hostcall.

use super::state::State;
use wasmi::{Caller, Instance, Memory, Store, TypedFunc};

/// Status codes of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    NotFound = 1,
    BadArgument = 2,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    CasMismatch = 8,
    Unimplemented = 12,
}

/// Why a hostcall did not do what it was asked.
pub(super) enum Fault {
    Status(Status),
    Trap(wasmi::Error),
}

impl From<Status> for Fault {
    fn from(status: Status) -> Fault {
        Fault::Status(status)
    }
}

/// The module's answer to a hostcall: a status, or a trap inside the allocation for its result.
pub(super) fn reply(result: Result<(), Fault>) -> Result<u32, wasmi::Error> {
    match result {
        Ok(()) => Ok(0),
        Err(Fault::Status(status)) => Ok(status as u32),
        Err(Fault::Trap(trap)) => Err(trap),
    }
}

/// What of the instance hostcalls need.
#[derive(Clone, Copy)]
pub(super) struct Guest {
    pub(super) memory: Memory,
    allocate: TypedFunc<u32, u32>,
}

impl Guest {
    pub(super) fn of(store: &Store<State>, instance: Instance) -> Result<Guest, String> {
        let memory = instance
            .get_memory(store, "memory")
            .ok_or("no export `memory`")?;
        let allocate = ["proxy_on_memory_allocate", "malloc"]
            .iter()
            .find_map(|name| instance.get_typed_func(store, name).ok())
            .ok_or("no export `proxy_on_memory_allocate` or `malloc`")?;
        Ok(Guest { memory, allocate })
    }
}

/// Octets in linear memory: address and length.
#[derive(Clone, Copy)]
pub(super) struct Span(pub(super) u32, pub(super) u32);

fn guest(caller: &Caller<'_, State>) -> Result<Guest, Fault> {
    caller
        .data()
        .guest
        .ok_or(Status::InvalidMemoryAccess.into())
}

pub(super) fn read(caller: &Caller<'_, State>, span: Span) -> Result<Vec<u8>, Fault> {
    let memory = guest(caller)?.memory.data(caller);
    let start = span.0 as usize;
    let octets = memory.get(start..start + span.1 as usize);
    Ok(octets.ok_or(Status::InvalidMemoryAccess)?.to_vec())
}

pub(super) fn write(caller: &mut Caller<'_, State>, at: u32, octets: &[u8]) -> Result<(), Fault> {
    // Envoy lets `_initialize` log, and nothing else.
    if caller.data().is_initializing {
        return Err(Fault::Trap(wasmi::Error::new("restricted_callback")));
    }
    let memory = guest(caller)?.memory;
    memory
        .write(caller, at as usize, octets)
        .map_err(|_| Status::InvalidMemoryAccess.into())
}

pub(super) fn write_u32(caller: &mut Caller<'_, State>, at: u32, value: u32) -> Result<(), Fault> {
    write(caller, at, &value.to_le_bytes())
}

/// Where a hostcall leaves a result: the addresses of its address and of its length.
#[derive(Clone, Copy)]
pub(super) struct ResultSpan(pub(super) u32, pub(super) u32);

/// Gives the module octets that it owns from now on, in memory that it allocates itself.
pub(super) fn give(
    caller: &mut Caller<'_, State>,
    octets: &[u8],
    to: ResultSpan,
) -> Result<(), Fault> {
    let length = u32::try_from(octets.len()).map_err(|_| Status::InvalidMemoryAccess)?;
    let mut address = 0;
    if length > 0 {
        let allocate = guest(caller)?.allocate;
        address = allocate.call(&mut *caller, length).map_err(Fault::Trap)?;
        write(caller, address, octets)?;
    }
    write_u32(caller, to.0, address)?;
    write_u32(caller, to.1, length)
}
