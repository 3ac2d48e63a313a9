//! The hostcalls of Proxy-Wasm (ABI 0.2.1), module `env`.

mod header_maps;

use super::{
    header_map,
    memory::{Fault, ResultSpan, Span, Status, give, read, reply, write, write_u32},
    state::{LocalResponse, Log, State},
};
use crate::observed::Fields;
use proxy_wasm::types::BufferType;
use std::time::Duration;
use wasmi::{Caller, ExternType, Linker, Module, Val};

const PLUGIN_CONFIGURATION: u32 = BufferType::PluginConfiguration as u32;
const VM_CONFIGURATION: u32 = BufferType::VmConfiguration as u32;

pub(super) type Call<'a> = Caller<'a, State>;
pub(super) type Linked = Result<(), wasmi::Error>;

/// Links every hostcall that this host has.
pub(super) fn link(linker: &mut Linker<State>) -> Linked {
    link_log_and_clock(linker)?;
    link_buffers_and_properties(linker)?;
    header_maps::link(linker)?;
    link_metrics(linker)?;
    super::shared_data::link(linker)?;
    link_streams(linker)
}

/// Links the imports that are left to functions that answer `UNIMPLEMENTED`: the SDK imports
/// the whole ABI, whatever the module calls.
pub(super) fn link_unimplemented(linker: &mut Linker<State>, module: &Module) -> Linked {
    for import in module.imports() {
        let (space, name) = (import.module(), import.name());
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        let answer = match space {
            "env" if name.starts_with("proxy_") => Status::Unimplemented as i32,
            "wasi_snapshot_preview1" => super::wasi::ENOSYS,
            _ => continue,
        };
        // What is linked already stays.
        let _ = linker.func_new(space, name, ty.clone(), move |_, _, results| {
            results
                .iter_mut()
                .for_each(|result| *result = Val::I32(answer));
            Ok(())
        });
    }
    Ok(())
}

fn link_log_and_clock(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut call: Call<'_>, level: u32, at: u32, size: u32| {
            reply(log(&mut call, level, Span(at, size)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_log_level",
        |mut call: Call<'_>, to: u32| reply(write_u32(&mut call, to, 0)),
    )?;
    let now = |mut call: Call<'_>, to: u32| {
        let now = call.data_mut().read_clock().as_nanos() as u64;
        reply(write(&mut call, to, &now.to_le_bytes()))
    };
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", now)?;
    let set_period = |mut call: Call<'_>, milliseconds: u32| {
        let period = Duration::from_millis(milliseconds.into());
        let offered = call.data().offers("proxy_set_tick_period_milliseconds");
        reply(offered.map(|()| {
            call.data_mut().tick_period = (milliseconds > 0).then_some(period);
        }))
    };
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", set_period)?;
    Ok(())
}

fn link_buffers_and_properties(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut call: Call<'_>, buffer: u32, start: u32, length: u32, to: u32, to_size: u32| {
            let span = Span(start, length);
            reply(buffer_bytes(
                &mut call,
                buffer,
                span,
                ResultSpan(to, to_size),
            ))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut call: Call<'_>, path: u32, size: u32, to: u32, to_size: u32| {
            reply(property(
                &mut call,
                Span(path, size),
                ResultSpan(to, to_size),
            ))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut call: Call<'_>, path: u32, size: u32, value: u32, value_size: u32| {
            reply(set_property(
                &mut call,
                Span(path, size),
                Span(value, value_size),
            ))
        },
    )?;
    Ok(())
}

fn link_metrics(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut call: Call<'_>, kind: u32, name: u32, size: u32, to: u32| {
            reply(define_metric(&mut call, kind, Span(name, size), to))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut call: Call<'_>, id: u32, by: i64| {
            reply(
                call.data_mut()
                    .metrics
                    .increment(id, by)
                    .map_err(Fault::from),
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut call: Call<'_>, id: u32, to: u64| {
            reply(call.data_mut().metrics.record(id, to).map_err(Fault::from))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_metric",
        |mut call: Call<'_>, id: u32, to: u32| {
            let value = call.data_mut().metrics.value(id).map(|value| *value);
            let value = value.map_err(Fault::from);
            reply(value.and_then(|value| write(&mut call, to, &value.to_le_bytes())))
        },
    )?;
    Ok(())
}

fn link_streams(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |mut call: Call<'_>, context: u32| {
            let offered = call.data().offers("proxy_set_effective_context");
            reply(
                offered.and_then(|()| match call.data().contexts.contains(&context) {
                    true => {
                        call.data_mut().context = context;
                        Ok(())
                    }
                    false => Err(Status::BadArgument.into()),
                }),
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |mut call: Call<'_>, _: u32| {
            let offered = call.data().offers("proxy_continue_stream");
            reply(offered.and_then(|()| {
                let stream = call.data_mut().stream().ok_or(Status::BadArgument)?;
                stream.is_continued = true;
                Ok(())
            }))
        },
    )?;
    linker.func_wrap("env", "proxy_done", |_: Call<'_>| 0_u32)?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut call: Call<'_>,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: i32| {
            let details = Span(details, details_size);
            let (body, headers) = (Span(body, body_size), Span(headers, headers_size));
            reply(local_response(
                &mut call,
                status,
                grpc_status,
                details,
                body,
                headers,
            ))
        },
    )?;
    Ok(())
}

fn log(call: &mut Call<'_>, level: u32, text: Span) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(&read(call, text)?).into_owned();
    call.data_mut().logs.push(Log { level, text });
    Ok(())
}

fn buffer_bytes(call: &mut Call<'_>, buffer: u32, span: Span, to: ResultSpan) -> Result<(), Fault> {
    let octets = match buffer {
        PLUGIN_CONFIGURATION => call.data().plugin_configuration.clone(),
        VM_CONFIGURATION => Vec::new(),
        _ => return Err(Status::NotFound.into()),
    };
    let start = octets.len().min(span.0 as usize);
    let end = octets.len().min(start.saturating_add(span.1 as usize));
    give(call, &octets[start..end], to)
}

fn property(call: &mut Call<'_>, path: Span, to: ResultSpan) -> Result<(), Fault> {
    call.data().offers("proxy_get_property")?;
    let path = read(call, path)?;
    let stream = call.data_mut().stream();
    let value = stream.and_then(|stream| match &path[..] {
        b"source\0address" => Some(source_address(&stream.headers)),
        path => {
            let mut properties = stream.properties.iter();
            let found = properties.find(|(name, _)| name == path);
            found.map(|(_, value)| value.clone())
        }
    });
    let value = value
        .or((path == b"plugin_root_id").then(Vec::new))
        .ok_or(Status::NotFound)?;
    give(call, &value, to)
}

/// As Envoy has it where it believes its clients: the last address of `X-Forwarded-For`.
fn source_address(headers: &Fields) -> Vec<u8> {
    let forwarded = headers.iter().rfind(|(name, _)| name == b"x-forwarded-for");
    let last = forwarded.and_then(|(_, value)| value.rsplit(|octet| *octet == b',').next());
    let address = last.map_or(&b"127.0.0.1"[..], <[u8]>::trim_ascii);
    if address.contains(&b':') {
        [b"[", address, b"]:50000"].concat()
    } else {
        [address, b":50000"].concat()
    }
}

fn set_property(call: &mut Call<'_>, path: Span, value: Span) -> Result<(), Fault> {
    let (path, value) = (read(call, path)?, read(call, value)?);
    let stream = call.data_mut().stream().ok_or(Status::NotFound)?;
    let properties = &mut stream.properties;
    properties.retain(|(name, _)| *name != path);
    properties.push((path, value));
    Ok(())
}

fn define_metric(call: &mut Call<'_>, kind: u32, name: Span, to: u32) -> Result<(), Fault> {
    let name = String::from_utf8_lossy(&read(call, name)?).into_owned();
    let id = call.data_mut().metrics.define(kind, name)?;
    write_u32(call, to, id)
}

fn local_response(
    call: &mut Call<'_>,
    status: u32,
    grpc_status: i32,
    details: Span,
    body: Span,
    headers: Span,
) -> Result<(), Fault> {
    let headers = header_map::parse(&read(call, headers)?).ok_or(Status::ParseFailure)?;
    let (details, body) = (read(call, details)?, read(call, body)?);
    call.data_mut().answer(LocalResponse {
        status,
        details,
        body,
        headers,
        grpc_status,
    });
    Ok(())
}
