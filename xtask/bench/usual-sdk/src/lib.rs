//! A filter on the Rust SDK as they are usually written: one call for each header, in strings.
//!
//! The plugin configuration is the value of `authorization` that it accepts on every path that
//! begins with `/admin`.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Root {
    accepted: Rc<str>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        self.accepted = String::from_utf8_lossy(&configuration).into();
        !self.accepted.is_empty()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http {
            accepted: Rc::clone(&self.accepted),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Http {
    accepted: Rc<str>,
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let path = self.get_http_request_header(":path").unwrap_or_default();
        let method = self.get_http_request_header(":method").unwrap_or_default();
        let host = self
            .get_http_request_header(":authority")
            .unwrap_or_default();
        let is_protected = path.starts_with("/admin") && !method.is_empty() && !host.is_empty();
        if !is_protected {
            return Action::Continue;
        }
        let credentials = self
            .get_http_request_header("authorization")
            .unwrap_or_default();
        if *credentials == *self.accepted {
            return Action::Continue;
        }
        let challenge = ("www-authenticate", "Basic realm=\"usual\"");
        self.send_http_response(401, vec![challenge], None);
        Action::Pause
    }
}
