//! A filter on the Rust SDK that decides nothing: what the SDK itself costs. With the configuration
//! `fields` it has the host hand over a request's header fields, as this project's filter does.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use std::ptr::null_mut;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { reads_fields: false }));
}}

struct Root {
    reads_fields: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.reads_fields = self.get_plugin_configuration().as_deref() == Some(b"fields");
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(if self.reads_fields {
            Box::new(Reader)
        } else {
            Box::new(Http)
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Http;

impl Context for Http {}

impl HttpContext for Http {}

struct Reader;

impl Context for Reader {}

impl HttpContext for Reader {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        match request_headers() {
            Some(fields) if !fields.is_empty() => Action::Continue,
            _ => Action::Pause,
        }
    }
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, octets: *mut *mut u8, size: *mut usize) -> u32;
}

/// All fields as they are handed over, by one hostcall and one allocation.
fn request_headers() -> Option<Vec<u8>> {
    const HTTP_REQUEST_HEADERS: u32 = 0;
    let (mut octets, mut size) = (null_mut(), 0);
    // SAFETY: both point to where the host may write.
    let status =
        unsafe { proxy_get_header_map_pairs(HTTP_REQUEST_HEADERS, &raw mut octets, &raw mut size) };
    if status != 0 || octets.is_null() {
        return None;
    }
    // SAFETY: the host got the memory from the SDK, which leaves a boxed slice of this size to it, and
    // has written all of it.
    Some(unsafe { Vec::from_raw_parts(octets, size, size) })
}
