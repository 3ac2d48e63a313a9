//! A Proxy-Wasm host in process (ABI 0.2.1): it treats a module as Envoy 1.40 does, and shows
//! what the module did.
//!
//! Does: root and HTTP contexts, request headers and trailers, local responses, statistics, log, properties,
//! timer, a clock that stands still until it is moved.
//!
//! Does not: bodies, the response, outgoing calls. A module that calls what is not here
//! is answered `UNIMPLEMENTED`.

mod header_map;
mod hostcalls;
mod memory;
mod metrics;
mod plugins;
mod state;
mod wasi;

pub use self::plugins::{Plugin, Stream};
pub use self::state::{LocalResponse, Log};
use self::{memory::Guest, state::State};
use crate::observed::Fields;
use std::{collections::BTreeMap, time::Duration};
use wasmi::{Engine, Instance, Linker, Module, Store, WasmParams, WasmResults};

/// A compiled module, from which virtual machines are started.
pub struct Host {
    module: Module,
    linker: Linker<State>,
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It goes on upstream, with these headers and these properties set.
    Continue {
        /// All header fields, pseudo-headers first.
        headers: Fields,
        /// What the module set, such as filter state.
        properties: Fields,
    },
    /// The module answered it.
    Reply(LocalResponse),
    /// It is neither forwarded nor answered.
    Paused,
    /// The module trapped, or did what no module may. Nothing works after that.
    Trap(String),
}

/// A configuration was refused: what the module logged about it.
#[derive(Debug)]
pub struct Refused(pub Vec<Log>);

/// One virtual machine, as one worker thread of Envoy has.
pub struct Vm {
    store: Store<State>,
    instance: Instance,
    plugin: Option<Plugin>,
    next_context: u32,
    trap: Option<String>,
}

impl Host {
    /// Compiles a module and links its imports.
    ///
    /// # Errors
    /// When it is no module, or not one of ABI 0.2.
    pub fn load(bytes: &[u8]) -> Result<Host, String> {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes).map_err(|error| error.to_string())?;
        let is_abi = |name: &str| name.starts_with("proxy_abi_version_0_2_");
        if !module.exports().any(|export| is_abi(export.name())) {
            return Err("no export `proxy_abi_version_0_2_*`: Envoy would not load it".into());
        }
        let mut linker = Linker::new(&engine);
        hostcalls::link(&mut linker)
            .and_then(|()| wasi::link(&mut linker))
            .map_err(|error| error.to_string())?;
        hostcalls::link_unimplemented(&mut linker, &module).map_err(|error| error.to_string())?;
        Ok(Host { module, linker })
    }

    /// The names of everything that the module exports.
    pub fn exports(&self) -> impl Iterator<Item = &str> {
        self.module.exports().map(|export| export.name())
    }

    /// The names of everything that the module imports, each `module.name`.
    pub fn imports(&self) -> impl Iterator<Item = String> {
        let imports = self.module.imports();
        imports.map(|import| format!("{}.{}", import.module(), import.name()))
    }

    /// Starts a virtual machine with these environment variables.
    ///
    /// # Errors
    /// When the module traps at its start or refuses to start.
    pub fn start(&self, environment: &BTreeMap<String, String>) -> Result<Vm, String> {
        let mut store = Store::new(self.module.engine(), State::new(environment));
        store.limiter(|state| &mut state.limits);
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)
            .map_err(|error| error.to_string())?;
        store.data_mut().guest = Some(Guest::of(&store, instance)?);
        let mut vm = Vm {
            store,
            instance,
            plugin: None,
            next_context: 1,
            trap: None,
        };
        // As Envoy does: a reactor has `_initialize`, a command `_start`.
        vm.store.data_mut().is_initializing = true;
        match vm.call_if_exported::<(), ()>("_initialize", ())? {
            Some(()) => {}
            None => vm.call_if_exported::<(), ()>("_start", ())?.unwrap_or(()),
        }
        vm.store.data_mut().is_initializing = false;
        Ok(vm)
    }
}

impl Vm {
    /// Gives the module a plugin configuration: in a new root context, which takes the place of
    /// the one before only if it accepts.
    ///
    /// # Errors
    /// The log, when the module refuses it or traps.
    pub fn configure(&mut self, configuration: &[u8]) -> Result<(), Refused> {
        let plugin = self.add_plugin(configuration)?;
        if let Some(old) = self.plugin.replace(plugin) {
            self.end_plugin(old);
        }
        Ok(())
    }

    /// Sends the headers of a request through a new HTTP context.
    pub fn request(&mut self, headers: &Fields) -> Outcome {
        self.request_with(headers, &Fields::new())
    }

    /// The same for a stream that has these properties already, from filters before or from an
    /// earlier look.
    pub fn request_with(&mut self, headers: &Fields, properties: &Fields) -> Outcome {
        self.store
            .data_mut()
            .properties_of_stream
            .clone_from(properties);
        if let Some(trap) = &self.trap {
            return Outcome::Trap(format!("the VM is dead since: {trap}"));
        }
        let outcome = self.run_stream(headers).unwrap_or_else(Outcome::Trap);
        match self.store.data_mut().violations.pop() {
            Some(violation) => Outcome::Trap(violation),
            None => outcome,
        }
    }

    fn run_stream(&mut self, headers: &Fields) -> Result<Outcome, String> {
        let plugin = self.plugin.ok_or("no configuration was accepted")?;
        let stream = self.begin_stream(plugin)?;
        let outcome = self.request_headers(&stream, headers)?;
        self.end_stream(stream)?;
        Ok(outcome)
    }

    /// Lets the timer of the root context fire once.
    ///
    /// # Errors
    /// The trap.
    pub fn tick(&mut self) -> Result<(), String> {
        let plugin = self.plugin.ok_or("no configuration was accepted")?;
        self.tick_plugin(plugin)
    }

    /// The period of the timer, once the module has set one.
    #[must_use]
    pub fn tick_period(&self) -> Option<Duration> {
        self.store.data().tick_period
    }

    /// Moves the clock on. It stands still otherwise.
    pub fn advance(&mut self, by: Duration) {
        self.store.data_mut().now += by;
    }

    /// Sets the clock back.
    pub fn set_back(&mut self, by: Duration) {
        self.store.data_mut().now -= by;
    }

    /// Moves the clock on by so much whenever the module reads it, as if its work took time.
    pub fn advance_at_each_reading(&mut self, by: Duration) {
        self.store.data_mut().reading_takes = by;
    }

    /// The log since the last call.
    pub fn take_logs(&mut self) -> Vec<Log> {
        std::mem::take(&mut self.store.data_mut().logs)
    }

    /// Every statistic, by name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, u64> {
        self.store.data().metrics.values()
    }

    /// The size of the linear memory, in octets.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.store
            .data()
            .guest
            .map_or(0, |guest| guest.memory.data_size(&self.store))
    }

    fn call_if_exported<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        parameters: P,
    ) -> Result<Option<R>, String> {
        if self.instance.get_func(&self.store, name).is_none() {
            return Ok(None);
        }
        let called = self
            .instance
            .get_typed_func::<P, R>(&self.store, name)
            .and_then(|function| function.call(&mut self.store, parameters));
        called.map(Some).map_err(|error| {
            let last = self
                .store
                .data()
                .logs
                .last()
                .map_or("", |log| log.text.as_str());
            let trap = format!("`{name}` trapped: {error}; last log: {last}");
            self.trap = Some(trap.clone());
            trap
        })
    }
}
