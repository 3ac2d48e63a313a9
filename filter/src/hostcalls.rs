//! The hostcalls whose forms in the SDK cannot do what is needed here. All of the `unsafe` is in
//! this file.
//!
//! - All header fields read in place as octets: the SDK's form allocates twice for each field.
//! - The local response with response code details: the SDK's form passes none.
//! - Properties and foreign functions: the SDK's forms panic at a status that they do not know, and
//!   that for setting a property at each but `OK`.
//! - All trailers: as header fields.
//! - The log level as a number: the SDK takes whatever the host writes for its own enum, which has
//!   no value for Envoy's `off`.
#![expect(unsafe_code, reason = "hostcalls are foreign functions")]

use std::ptr::{null, null_mut};

const HTTP_REQUEST_HEADERS: u32 = 0;
const HTTP_REQUEST_TRAILERS: u32 = 1;

/// Envoy finds the gRPC status that goes with the HTTP status by itself.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        octets: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, octets: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        octets: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

/// The host could not or would not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

fn succeeded(status: u32) -> Result<(), Failed> {
    if status == 0 { Ok(()) } else { Err(Failed) }
}

/// The request's header fields, serialised as [`crate::header_map`] reads them.
pub(crate) fn request_headers() -> Result<Vec<u8>, Failed> {
    // SAFETY: both point to where the host may write.
    handed_over(|octets, size| unsafe {
        proxy_get_header_map_pairs(HTTP_REQUEST_HEADERS, octets, size)
    })
}

/// The request's trailers, serialised likewise.
pub(crate) fn request_trailers() -> Result<Vec<u8>, Failed> {
    // SAFETY: both point to where the host may write.
    handed_over(|octets, size| unsafe {
        proxy_get_header_map_pairs(HTTP_REQUEST_TRAILERS, octets, size)
    })
}

/// A property of the stream, its path separated by NUL.
pub(crate) fn property(path: &str) -> Result<Vec<u8>, Failed> {
    // SAFETY: the host reads within the size, and both point to where it may write.
    handed_over(|octets, size| unsafe {
        proxy_get_property(path.as_ptr(), path.len(), octets, size)
    })
}

/// Sets a property of the stream.
pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<(), Failed> {
    // SAFETY: the host only reads, and within the sizes.
    succeeded(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Calls a function of the host's own that answers nothing.
pub(crate) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<(), Failed> {
    let (mut octets, mut size) = (null_mut(), 0);
    // SAFETY: the host reads within the sizes, and the last two point to where it may write.
    succeeded(unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &raw mut octets,
            &raw mut size,
        )
    })
}

/// Octets that the host puts into memory which it gets from this module.
fn handed_over(ask: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Failed> {
    let (mut octets, mut size) = (null_mut(), 0);
    succeeded(ask(&raw mut octets, &raw mut size))?;
    if octets.is_null() {
        return Err(Failed);
    }
    // SAFETY: the host got the memory from `proxy_on_memory_allocate`, where the SDK leaves to it a
    // boxed slice of this size, and has written all of it.
    Ok(unsafe { Vec::from_raw_parts(octets, size, size) })
}

/// Answers the request, with response code details for the operator. The body is empty.
///
/// `headers` are serialised as [`crate::header_map`] writes them. `grpc_status` is for a call of
/// gRPC, in the place of what Envoy makes of `status`.
pub(crate) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[u8],
    grpc_status: Option<i32>,
) -> Result<(), Failed> {
    // SAFETY: the host only reads, and within the sizes.
    succeeded(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            null(),
            0,
            headers.as_ptr(),
            headers.len(),
            grpc_status.unwrap_or(NO_GRPC_STATUS),
        )
    })
}

/// The level from which the host logs: 0 for `trace` to 6 for `off`, as Envoy has them.
pub(crate) fn log_level() -> Option<u32> {
    let mut level = 0;
    // SAFETY: points to where the host may write.
    succeeded(unsafe { proxy_get_log_level(&raw mut level) }).ok()?;
    Some(level)
}
