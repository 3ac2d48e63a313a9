//! The boundary to the host (Proxy-Wasm ABI 0.2.1): what it calls here, what is called there, and
//! all of the `unsafe`.
//!
//! The Rust SDK is not used: it keeps a boxed context and a map entry per request, assumes UTF-8,
//! panics on a status that it does not expect, passes no response code details and exports every
//! callback there is. These calls read octets, and a failure is a value.
#![expect(unsafe_code, reason = "hostcalls and callbacks are foreign functions")]

use crate::plugin;
use log::{Level, LevelFilter};
use std::cell::Cell;
use std::mem::take;
use std::ops::Deref;
use std::ptr::{null, null_mut};
use std::time::Duration;

const PLUGIN_CONFIGURATION: u32 = 7;
const HTTP_REQUEST_HEADERS: u32 = 0;
const COUNTER: u32 = 0;

/// Envoy finds the gRPC status that goes with the HTTP status by itself.
const NO_GRPC_STATUS: i32 = -1;

/// What becomes of a request for now.
#[repr(u32)]
pub(crate) enum Action {
    /// It goes on to the next filter.
    Continue = 0,
    /// It stays where it is.
    Pause = 1,
}

/// Tells the host which version of the interface this is.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// The VM starts: the host calls this before anything else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker makes it, and this is its one call.
    unsafe { __wasm_call_ctors() };
    plugin::on_initialize();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    plugin::on_context_create(context, root);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _size: usize) -> bool {
    plugin::on_configure(root)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    plugin::on_tick(root);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(
    context: u32,
    _count: usize,
    _end_of_stream: bool,
) -> Action {
    plugin::on_request_headers(context)
}

unsafe extern "C" {
    fn __wasm_call_ctors();
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
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        octets: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
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

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn environ_get(places: *mut *mut u8, texts: *mut u8) -> u32;
    fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u32;
}

/// The allocator: a well-kept one with far less code than the C library's, which is called and not
/// copied to wherever memory is needed.
#[cfg(target_family = "wasm")]
mod allocator {
    use std::alloc::{GlobalAlloc, Layout};
    use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

    struct Allocator(WasmDynamicTalc);

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator(new_wasm_dynamic_allocator());

    // SAFETY: hands over what it is asked.
    unsafe impl GlobalAlloc for Allocator {
        #[inline(never)]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as the caller's.
            unsafe { self.0.alloc(layout) }
        }

        #[inline(never)]
        unsafe fn dealloc(&self, octets: *mut u8, layout: Layout) {
            // SAFETY: as the caller's.
            unsafe { self.0.dealloc(octets, layout) }
        }

        #[inline(never)]
        unsafe fn realloc(&self, octets: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: as the caller's.
            unsafe { self.0.realloc(octets, layout, size) }
        }
    }
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
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut buffer = BUFFER.take();
    buffer.clear();
    buffer.reserve_exact(size);
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
            // Not from `proxy_on_memory_allocate`.
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
    // SAFETY: both point to where the host may write.
    Octets::read(|octets, size| unsafe {
        proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, octets, size)
    })
}

/// The VM's environment variables: each is `name=value` and a NUL.
pub(crate) fn environment() -> Result<Vec<u8>, Failed> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: both point to where the host may write.
    succeeded(unsafe { environ_sizes_get(&raw mut count, &raw mut size) })?;
    let mut places = vec![null_mut(); count];
    let mut texts = vec![0; size];
    // SAFETY: there is room for as many as the host has just said, and for their texts.
    succeeded(unsafe { environ_get(places.as_mut_ptr(), texts.as_mut_ptr()) })?;
    Ok(texts)
}

/// The request's header fields, serialised as [`crate::header_map`] reads them.
pub(crate) fn request_headers() -> Result<Octets, Failed> {
    // SAFETY: both point to where the host may write.
    Octets::read(|octets, size| unsafe {
        proxy_get_header_map_pairs(HTTP_REQUEST_HEADERS, octets, size)
    })
}

/// The value of one of the request's header fields. For a field that is not there, hosts answer
/// with a failure or with an empty value.
pub(crate) fn request_header(name: &[u8]) -> Result<Octets, Failed> {
    // SAFETY: the host reads within the size, and both point to where it may write.
    Octets::read(|octets, size| unsafe {
        proxy_get_header_map_value(
            HTTP_REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            octets,
            size,
        )
    })
}

/// Sets a field of the request to one value.
pub(crate) fn replace_request_header(name: &[u8], value: &[u8]) -> Result<(), Failed> {
    // SAFETY: the host only reads, and within the sizes.
    succeeded(unsafe {
        proxy_replace_header_map_value(
            HTTP_REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes all values of a field of the request.
pub(crate) fn remove_request_header(name: &[u8]) -> Result<(), Failed> {
    // SAFETY: the host only reads, and within the size.
    succeeded(unsafe {
        proxy_remove_header_map_value(HTTP_REQUEST_HEADERS, name.as_ptr(), name.len())
    })
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
    // SAFETY: the host reads within the size, and `id` is where it may write.
    succeeded(unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter.
pub(crate) fn increment_counter(id: u32, by: u64) -> Result<(), Failed> {
    // SAFETY: a call by value.
    succeeded(unsafe { proxy_increment_metric(id, by.try_into().unwrap_or(i64::MAX)) })
}

/// Says something in the host's log.
pub(crate) fn log(level: Level, message: &str) -> Result<(), Failed> {
    let level = match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    };
    // SAFETY: the host only reads, and within the size.
    succeeded(unsafe { proxy_log(level, message.as_ptr(), message.len()) })
}

/// The level from which the host logs.
pub(crate) fn log_level() -> LevelFilter {
    let mut level = 0;
    // SAFETY: points to where the host may write.
    let status = unsafe { proxy_get_log_level(&raw mut level) };
    match (status, level) {
        (0, 0) => LevelFilter::Trace,
        (0, 1) => LevelFilter::Debug,
        (0, 3) => LevelFilter::Warn,
        (0, 4) => LevelFilter::Error,
        (0, 5) => LevelFilter::Off,
        _ => LevelFilter::Info,
    }
}
