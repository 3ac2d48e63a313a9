//! The boundary to the host (Proxy-Wasm ABI 0.2.1): what it calls here, what is called there, and
//! all of the `unsafe`.
//!
//! The SDK's dispatcher and its calls are not used: they keep a boxed context and a map entry per
//! request, assume UTF-8, panic on a status they do not expect and pass no response code details.
//! These read octets, and a failure is a value. `cargo xtask build` puts an export named
//! `direct:NAME` in the place of the SDK's `NAME`, which would clash with it before.
#![expect(unsafe_code, reason = "hostcalls and callbacks are foreign functions")]

use crate::plugin;
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, MetricType};
use std::cell::Cell;
use std::mem::take;
use std::ops::Deref;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// Envoy finds the gRPC status that goes with the HTTP status by itself.
const NO_GRPC_STATUS: i32 = -1;

#[unsafe(export_name = "direct:proxy_on_context_create")]
extern "C" fn on_context_create(context: u32, root: u32) {
    plugin::on_context_create(context, root);
}

#[unsafe(export_name = "direct:proxy_on_configure")]
extern "C" fn on_configure(root: u32, _size: usize) -> bool {
    plugin::on_configure(root)
}

#[unsafe(export_name = "direct:proxy_on_tick")]
extern "C" fn on_tick(root: u32) {
    plugin::on_tick(root);
}

#[unsafe(export_name = "direct:proxy_on_request_headers")]
extern "C" fn on_request_headers(context: u32, _count: usize, _end_of_stream: bool) -> Action {
    plugin::on_request_headers(context)
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        octets: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_header_map_pairs(map: u32, octets: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
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
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

/// The host could not or would not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

fn succeeded(status: u32) -> Result<(), Failed> {
    if status == 0 { Ok(()) } else { Err(Failed) }
}

/// Memory larger than this is given back after use.
const MAX_KEPT: usize = 128 * 1024;

thread_local! {
    /// Where the host puts what it was asked for: kept, so that a request allocates nothing.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Memory for the host. It fills it before the call that asked for it returns.
#[unsafe(export_name = "direct:proxy_on_memory_allocate")]
extern "C" fn on_memory_allocate(size: usize) -> *mut u8 {
    let mut buffer = BUFFER.take();
    buffer.clear();
    buffer.reserve(size);
    let octets = buffer.as_mut_ptr();
    BUFFER.set(buffer);
    octets
}

/// Octets that the host has handed over.
pub(crate) struct Octets(Vec<u8>);

impl Octets {
    /// Calls `read` for octets that the host puts into memory which it got from this module.
    fn read(read: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Self, Failed> {
        let (mut octets, mut size) = (null_mut(), 0);
        succeeded(read(&raw mut octets, &raw mut size))?;
        let mut buffer = BUFFER.take();
        if size > buffer.capacity() || size > 0 && octets != buffer.as_mut_ptr() {
            // Not from `on_memory_allocate`.
            return Err(Failed);
        }
        // SAFETY: `octets` is this buffer, `size` is within its capacity, and the host has
        // written all of it.
        unsafe { buffer.set_len(size) };
        Ok(Self(buffer))
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Octets {
    fn drop(&mut self) {
        if self.0.capacity() <= MAX_KEPT {
            BUFFER.set(take(&mut self.0));
        }
    }
}

/// The plugin configuration; empty if there is none.
pub(crate) fn plugin_configuration() -> Result<Octets, Failed> {
    let buffer = BufferType::PluginConfiguration as u32;
    // SAFETY: both point to where the host may write.
    Octets::read(|octets, size| unsafe {
        proxy_get_buffer_bytes(buffer, 0, usize::MAX, octets, size)
    })
}

/// The request's header fields, serialised as [`crate::header_map`] reads them.
pub(crate) fn request_headers() -> Result<Octets, Failed> {
    let map = MapType::HttpRequestHeaders as u32;
    // SAFETY: both point to where the host may write.
    Octets::read(|octets, size| unsafe { proxy_get_header_map_pairs(map, octets, size) })
}

/// Sets a field of the request to one value.
pub(crate) fn replace_request_header(name: &[u8], value: &[u8]) -> Result<(), Failed> {
    let map = MapType::HttpRequestHeaders as u32;
    // SAFETY: the host only reads, and within the sizes.
    succeeded(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes all values of a field of the request.
pub(crate) fn remove_request_header(name: &[u8]) -> Result<(), Failed> {
    let map = MapType::HttpRequestHeaders as u32;
    // SAFETY: the host only reads, and within the size.
    succeeded(unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

/// Sets a property of the stream; Envoy keeps it as filter state `wasm.<path>`.
pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Failed> {
    // SAFETY: the host only reads, and within the sizes.
    succeeded(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Answers the request, with response code details for the operator. The body is empty.
///
/// `headers` are serialised as [`crate::header_map`] writes them.
pub(crate) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[u8],
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
            NO_GRPC_STATUS,
        )
    })
}

/// The host's time since some start; it may jump, and stands still if the host has none.
pub(crate) fn now() -> Duration {
    let mut nanoseconds = 0;
    // SAFETY: points to where the host may write.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    succeeded(status).map_or(Duration::ZERO, |()| Duration::from_nanos(nanoseconds))
}

/// Asks for [`plugin::on_tick`] in this interval.
pub(crate) fn set_tick_period(period: Duration) -> Result<(), Failed> {
    let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: a call by value.
    succeeded(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Makes the host take what follows as said by another context.
///
/// # Errors
/// There is no such context any more.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Failed> {
    // SAFETY: a call by value.
    succeeded(unsafe { proxy_set_effective_context(context) })
}

/// Declares a counter, or finds the one of this name.
pub(crate) fn define_counter(name: &str) -> Result<u32, Failed> {
    let mut id = 0;
    let kind = MetricType::Counter as u32;
    // SAFETY: the host reads within the size, and `id` is where it may write.
    succeeded(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter.
pub(crate) fn increment_counter(id: u32, by: u64) -> Result<(), Failed> {
    // SAFETY: a call by value.
    succeeded(unsafe { proxy_increment_metric(id, by.try_into().unwrap_or(i64::MAX)) })
}

/// The level from which the host logs.
pub(crate) fn log_level() -> LogLevel {
    let mut level = 0;
    // SAFETY: points to where the host may write.
    let status = unsafe { proxy_get_log_level(&raw mut level) };
    match (status, level) {
        (0, 0) => LogLevel::Trace,
        (0, 1) => LogLevel::Debug,
        (0, 3) => LogLevel::Warn,
        (0, 4) => LogLevel::Error,
        (0, 5) => LogLevel::Critical,
        _ => LogLevel::Info,
    }
}
