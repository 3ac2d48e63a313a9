//! The root context: takes configurations, hands statistics over on the timer.

use crate::http_context::Http;
use crate::log_level;
use crate::plugin::Plugin;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;

/// Holds the plugin under the configuration that is in force. Requests keep the one that they
/// began with.
#[derive(Default)]
pub(crate) struct Root {
    plugin: Option<Rc<Plugin>>,
}

impl Context for Root {}

impl RootContext for Root {
    /// `false` refuses the configuration: the host keeps the one at work or, with none, fails
    /// closed.
    fn on_configure(&mut self, _size: usize) -> bool {
        log_level::adopt();
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        match Plugin::configure(&configuration) {
            Ok(plugin) => {
                self.plugin = Some(Rc::new(plugin));
                true
            }
            Err(refusal) => {
                log::error!("configuration refused: {refusal}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        log_level::adopt();
        if let Some(plugin) = &self.plugin {
            plugin.tick();
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http::new(self.plugin.clone())))
    }
}
