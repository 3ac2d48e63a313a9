//! The hostcalls on header maps, of which this host has those of the request.

use super::{Call, Linked};
use crate::{
    host::{
        header_map,
        memory::{Fault, ResultSpan, Span, Status, give, read, reply, write_u32},
        state::State,
    },
    observed::Fields,
};
use proxy_wasm::types::MapType;
use wasmi::Linker;

const REQUEST_HEADERS: u32 = MapType::HttpRequestHeaders as u32;
const REQUEST_TRAILERS: u32 = MapType::HttpRequestTrailers as u32;

/// Links the hostcalls on header maps.
pub(super) fn link(linker: &mut Linker<State>) -> Linked {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut call: Call<'_>, map: u32, to: u32, to_size: u32| {
            let pairs = fields(&mut call, map).map(|fields| header_map::serialize(fields));
            reply(pairs.and_then(|pairs| give(&mut call, &pairs, ResultSpan(to, to_size))))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |mut call: Call<'_>, map: u32, at: u32, size: u32| {
            reply(set_pairs(&mut call, map, Span(at, size)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |mut call: Call<'_>, map: u32, to: u32| {
            let size = fields(&mut call, map).map(|fields| header_map::serialize(fields).len());
            reply(size.and_then(|size| write_u32(&mut call, to, size as u32)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut call: Call<'_>, map: u32, name: u32, size: u32, to: u32, to_size: u32| {
            reply(value(
                &mut call,
                map,
                Span(name, size),
                ResultSpan(to, to_size),
            ))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut call: Call<'_>, map: u32, name: u32, size: u32| {
            reply(remove(&mut call, map, Span(name, size)))
        },
    )?;
    link_change(
        linker,
        "proxy_replace_header_map_value",
        header_map::replace,
    )?;
    link_change(
        linker,
        "proxy_add_header_map_value",
        |fields, name, value| {
            header_map::add(fields, &name, value);
        },
    )
}

fn link_change(
    linker: &mut Linker<State>,
    hostcall: &str,
    change: fn(&mut Fields, Vec<u8>, Vec<u8>),
) -> Linked {
    let call = move |mut call: Call<'_>, map: u32, name: u32, size: u32, at: u32, length: u32| {
        reply((|| {
            let (name, value) = (
                read(&call, Span(name, size))?,
                read(&call, Span(at, length))?,
            );
            call.data_mut().check_field(&name, &value);
            change(fields(&mut call, map)?, name, value);
            Ok(())
        })())
    };
    linker.func_wrap("env", hostcall, call)?;
    Ok(())
}

fn fields<'a>(call: &'a mut Call<'_>, map: u32) -> Result<&'a mut Fields, Fault> {
    let fields = match map {
        REQUEST_HEADERS => call.data_mut().request_headers.as_mut(),
        REQUEST_TRAILERS => call.data_mut().request_trailers.as_mut(),
        _ => None,
    };
    Ok(fields.ok_or(Status::BadArgument)?)
}

fn set_pairs(call: &mut Call<'_>, map: u32, pairs: Span) -> Result<(), Fault> {
    let pairs = header_map::parse(&read(call, pairs)?).ok_or(Status::ParseFailure)?;
    for (name, value) in &pairs {
        call.data_mut().check_field(name, value);
    }
    *fields(call, map)? = pairs;
    Ok(())
}

fn value(call: &mut Call<'_>, map: u32, name: Span, to: ResultSpan) -> Result<(), Fault> {
    let name = read(call, name)?;
    let value = header_map::first(fields(call, map)?, &name)
        .cloned()
        .ok_or(Status::NotFound)?;
    give(call, &value, to)
}

fn remove(call: &mut Call<'_>, map: u32, name: Span) -> Result<(), Fault> {
    let name = read(call, name)?;
    header_map::remove(fields(call, map)?, &name);
    Ok(())
}
