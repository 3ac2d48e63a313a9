//! What Envoy offers a module of WASI (`wasi_snapshot_preview1`).

use super::{
    memory::{Fault, Span, Status, read, reply, write, write_u32},
    state::{Log, State},
};
use wasmi::{Caller, Linker};

/// The function is not there.
pub(super) const ENOSYS: i32 = 52;
const SPACE: &str = "wasi_snapshot_preview1";
const STDERR: u32 = 2;

type Call<'a> = Caller<'a, State>;

/// Links what this host has.
pub(super) fn link(linker: &mut Linker<State>) -> Result<(), wasmi::Error> {
    linker.func_wrap(
        SPACE,
        "environ_sizes_get",
        |mut call: Call<'_>, count: u32, size: u32| reply(environment_size(&mut call, count, size)),
    )?;
    linker.func_wrap(
        SPACE,
        "environ_get",
        |mut call: Call<'_>, list: u32, texts: u32| reply(environment(&mut call, list, texts)),
    )?;
    linker.func_wrap(
        SPACE,
        "args_sizes_get",
        |mut call: Call<'_>, count: u32, size: u32| {
            reply(write_u32(&mut call, count, 0).and_then(|()| write_u32(&mut call, size, 0)))
        },
    )?;
    linker.func_wrap(SPACE, "args_get", |_: Call<'_>, _: u32, _: u32| 0_u32)?;
    linker.func_wrap(
        SPACE,
        "fd_write",
        |mut call: Call<'_>, file: u32, list: u32, count: u32, written: u32| {
            reply(print(&mut call, file, Span(list, count), written))
        },
    )?;
    linker.func_wrap(
        SPACE,
        "random_get",
        |mut call: Call<'_>, at: u32, size: u32| {
            let mut octets = vec![0; size as usize];
            call.data_mut().random.fill(&mut octets);
            reply(write(&mut call, at, &octets))
        },
    )?;
    linker.func_wrap(
        SPACE,
        "clock_time_get",
        |mut call: Call<'_>, _: u32, _: u64, to: u32| {
            let now = call.data_mut().read_clock().as_nanos() as u64;
            reply(write(&mut call, to, &now.to_le_bytes()))
        },
    )?;
    linker.func_wrap(
        SPACE,
        "proc_exit",
        |_: Call<'_>, status: i32| -> Result<(), wasmi::Error> {
            Err(wasmi::Error::i32_exit(status))
        },
    )?;
    Ok(())
}

fn environment_size(call: &mut Call<'_>, count: u32, size: u32) -> Result<(), Fault> {
    let variables = &call.data().environment;
    let (length, octets) = (variables.len() as u32, variables.concat().len() as u32);
    write_u32(call, count, length)?;
    write_u32(call, size, octets)
}

fn environment(call: &mut Call<'_>, list: u32, texts: u32) -> Result<(), Fault> {
    let mut at = texts;
    for (index, variable) in call.data().environment.clone().iter().enumerate() {
        write_u32(call, list + 4 * index as u32, at)?;
        write(call, at, variable)?;
        at += variable.len() as u32;
    }
    Ok(())
}

fn print(call: &mut Call<'_>, file: u32, list: Span, written: u32) -> Result<(), Fault> {
    let mut text = Vec::new();
    for index in 0..list.1 {
        let entry = read(call, Span(list.0 + 8 * index, 8))?;
        let number = |octets: &[u8]| octets.try_into().map(u32::from_le_bytes);
        let (at, size) = (number(&entry[..4]), number(&entry[4..]));
        let (Ok(at), Ok(size)) = (at, size) else {
            return Err(Status::BadArgument.into());
        };
        text.extend(read(call, Span(at, size))?);
    }
    write_u32(call, written, text.len() as u32)?;
    let level = if file == STDERR {
        Log::ERROR
    } else {
        Log::WARNING
    };
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    call.data_mut().logs.push(Log { level, text });
    Ok(())
}
