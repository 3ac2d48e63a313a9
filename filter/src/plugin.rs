//! The plugins of this VM: takes their configurations, and finds the one that a request is for.

use crate::abi::Action;
use crate::statistics::Statistics;
use crate::{abi, host_log, request, secret};
use basic_auth::{Policy, Worker};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// How often statistics are flushed.
const TICK: Duration = Duration::from_secs(1);

/// A plugin under one configuration: what Proxy-Wasm calls a root context.
pub(crate) struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) worker: RefCell<Worker>,
    pub(crate) statistics: Statistics,
    /// No rule was about the last request, and its path alone said so.
    pub(crate) was_told_by_path: Cell<bool>,
}

/// Several plugins, and several configurations of one, share a VM if their code is the same.
#[derive(Default)]
struct Vm {
    /// By the identity of the root context.
    plugins: RefCell<Vec<(u32, Rc<Plugin>)>>,
    /// The HTTP context that was created last, and its root context. Envoy creates it right
    /// before its request's headers come, so that no map of contexts has to be kept.
    created: Cell<(u32, u32)>,
}

thread_local! {
    static VM: Vm = const {
        Vm { plugins: RefCell::new(Vec::new()), created: Cell::new((0, 0)) }
    };
}

/// The VM starts.
pub(crate) fn on_initialize() {
    host_log::start();
}

/// A context begins; a root context has no root.
pub(crate) fn on_context_create(context: u32, root: u32) {
    VM.with(|vm| vm.created.set((context, root)));
}

/// `false` refuses the configuration: the host keeps the one at work or, with none, fails closed.
pub(crate) fn on_configure(root: u32) -> bool {
    host_log::adopt_level();
    match configure() {
        Ok(plugin) => {
            VM.with(|vm| vm.adopt(root, plugin));
            true
        }
        Err(refusal) => {
            log::error!("configuration refused: {refusal}");
            false
        }
    }
}

fn configure() -> Result<Plugin, String> {
    let configuration = abi::plugin_configuration()
        .map_err(|_| "the host did not hand over the plugin configuration".to_string())?;
    let policy = Policy::parse(&configuration, &environment).map_err(|error| error.to_string())?;
    log::info!("{}", policy.summary());
    for warning in policy.warnings() {
        log::warn!("{warning}");
    }
    let secret = secret::random().ok_or("the host has no random octets to give")?;
    if abi::set_tick_period(TICK).is_err() {
        log::warn!("the host has no timer: statistics are not counted");
    }
    let worker = RefCell::new(Worker::new(&policy, secret, abi::now));
    Ok(Plugin {
        policy,
        worker,
        statistics: Statistics::define(),
        was_told_by_path: Cell::new(false),
    })
}

/// A VM environment variable.
fn environment(name: &str) -> Option<Vec<u8>> {
    let variables = abi::environment().ok()?;
    variables.split(|octet| *octet == 0).find_map(|variable| {
        let value = variable.strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=").map(<[u8]>::to_vec)
    })
}

/// The host's timer.
pub(crate) fn on_tick(root: u32) {
    host_log::adopt_level();
    VM.with(|vm| {
        if let Some(plugin) = vm.plugin(root) {
            plugin.flush();
        }
        vm.forget_ended_plugins(root);
    });
}

/// A request's headers are there: a decision on it, before anything of it is forwarded.
pub(crate) fn on_request_headers(context: u32) -> Action {
    VM.with(|vm| match vm.plugin_of(context) {
        Some(plugin) => request::decide(&plugin),
        None => request::refuse(503, "basic_auth_without_configuration", &[]),
    })
}

impl Plugin {
    fn flush(&self) {
        let verifications = self.worker.borrow().verification_counts();
        self.statistics.flush(verifications);
    }
}

impl Vm {
    fn plugin_of(&self, context: u32) -> Option<Rc<Plugin>> {
        let (created, root) = self.created.get();
        if created != context {
            return None;
        }
        self.plugin(root)
    }

    fn plugin(&self, root: u32) -> Option<Rc<Plugin>> {
        let plugins = self.plugins.borrow();
        let found = plugins.iter().find(|(known, _)| *known == root);
        found.map(|(_, plugin)| plugin.clone())
    }

    /// From here on, `plugin` decides the requests of this root context.
    fn adopt(&self, root: u32, plugin: Plugin) {
        let mut plugins = self.plugins.borrow_mut();
        plugins.retain(|(known, replaced)| {
            let stays = *known != root;
            if !stays {
                replaced.flush();
            }
            stays
        });
        plugins.push((root, Rc::new(plugin)));
    }

    /// Drops plugins whose root context the host has deleted. It would say so by
    /// `proxy_on_delete`, but for every request too; this asks once in a while.
    fn forget_ended_plugins(&self, own: u32) {
        let mut plugins = self.plugins.borrow_mut();
        if plugins.len() < 2 {
            return;
        }
        plugins.retain(|(root, plugin)| {
            let is_alive = abi::set_effective_context(*root).is_ok();
            if !is_alive {
                // Whoever says it, counters are found by name.
                let _ = abi::set_effective_context(own);
                plugin.flush();
            }
            is_alive
        });
        // Only fails if this context is gone, and then nothing follows.
        let _ = abi::set_effective_context(own);
    }
}
