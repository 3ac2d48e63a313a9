//! Several plugins in one virtual machine, and streams that overlap: as Envoy has them when
//! listeners share a module.

use super::{Log, Outcome, Refused, Vm};
use crate::observed::Fields;

/// A plugin under one configuration: a root context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plugin(u32);

/// A stream that has not ended: an HTTP context.
#[derive(Debug)]
pub struct Stream(u32);

impl Vm {
    /// Gives the module a plugin configuration in a new root context, beside those that are there.
    ///
    /// # Errors
    /// The log, when the module refuses it or traps.
    pub fn add_plugin(&mut self, configuration: &[u8]) -> Result<Plugin, Refused> {
        self.store.data_mut().plugin_configuration = configuration.to_vec();
        match self.start_root_context(configuration.len()) {
            Ok(Some(root)) => Ok(Plugin(root)),
            Ok(None) => Err(Refused(self.take_logs())),
            Err(trap) => {
                let mut logs = self.take_logs();
                logs.push(Log {
                    level: Log::CRITICAL,
                    text: trap,
                });
                Err(Refused(logs))
            }
        }
    }

    /// Deletes the root context of a plugin.
    ///
    /// The module learns it only where it exports the callbacks, or by asking for the context.
    pub fn end_plugin(&mut self, plugin: Plugin) {
        let Plugin(root) = plugin;
        // A trap is kept for the next call.
        let _ = self.call_if_exported::<_, u32>("proxy_on_done", root);
        let _ = self.call_if_exported::<_, ()>("proxy_on_delete", root);
        self.store.data_mut().contexts.remove(&root);
    }

    /// Lets the timer of a plugin fire once.
    ///
    /// # Errors
    /// The trap.
    pub fn tick_plugin(&mut self, plugin: Plugin) -> Result<(), String> {
        self.call_if_exported::<_, ()>("proxy_on_tick", plugin.0)
            .map(drop)
    }

    /// Begins a stream through a plugin.
    ///
    /// # Errors
    /// The trap.
    pub fn begin_stream(&mut self, plugin: Plugin) -> Result<Stream, String> {
        self.create_context(plugin.0).map(Stream)
    }

    /// Sends the headers of a stream's request.
    ///
    /// # Errors
    /// The trap.
    pub fn request_headers(
        &mut self,
        stream: &Stream,
        headers: &Fields,
    ) -> Result<Outcome, String> {
        let count = u32::try_from(headers.len()).map_err(|error| error.to_string())?;
        self.store.data_mut().begin_stream(headers);
        let action = self.call_if_exported("proxy_on_request_headers", (stream.0, count, 1_u32))?;
        Ok(self
            .store
            .data_mut()
            .end_stream(action.unwrap_or(0_u32) == 0))
    }

    /// Sends the trailers of a stream's request. What is left of them is among the `headers` of the
    /// outcome.
    ///
    /// # Errors
    /// The trap.
    pub fn request_trailers(
        &mut self,
        stream: &Stream,
        trailers: &Fields,
    ) -> Result<Outcome, String> {
        let count = u32::try_from(trailers.len()).map_err(|error| error.to_string())?;
        self.store.data_mut().begin_stream(&Fields::new());
        self.store.data_mut().request_trailers = Some(trailers.clone());
        let action = self.call_if_exported("proxy_on_request_trailers", (stream.0, count))?;
        let state = self.store.data_mut();
        state.request_headers = state.request_trailers.take();
        Ok(state.end_stream(action.unwrap_or(0_u32) == 0))
    }

    /// Ends a stream, in the order of Envoy's filter manager.
    ///
    /// # Errors
    /// The trap.
    pub fn end_stream(&mut self, stream: Stream) -> Result<(), String> {
        let Stream(context) = stream;
        self.call_if_exported::<_, ()>("proxy_on_log", context)?;
        self.call_if_exported::<_, u32>("proxy_on_done", context)?;
        self.call_if_exported::<_, ()>("proxy_on_delete", context)?;
        self.store.data_mut().contexts.remove(&context);
        Ok(())
    }

    fn start_root_context(&mut self, size: usize) -> Result<Option<u32>, String> {
        let root = self.create_context(0)?;
        let size = u32::try_from(size).map_err(|error| error.to_string())?;
        let is_accepted = |answer: Option<u32>| answer != Some(0);
        let started = self.call_if_exported("proxy_on_vm_start", (root, 0_u32))?;
        if !is_accepted(started) {
            return Ok(None);
        }
        let configured = self.call_if_exported("proxy_on_configure", (root, size))?;
        Ok(is_accepted(configured).then_some(root))
    }

    fn create_context(&mut self, root: u32) -> Result<u32, String> {
        let context = self.next_context;
        self.next_context += 1;
        self.store.data_mut().contexts.insert(context);
        self.call_if_exported::<_, ()>("proxy_on_context_create", (context, root))?;
        Ok(context)
    }
}
