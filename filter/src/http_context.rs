//! The HTTP context: reads a request's fields, decides, answers or lets it pass.

use crate::filter_state;
use crate::header_map::{self, HeaderMap};
use crate::hostcalls;
use crate::plugin::Plugin;
use crate::stream_memory;
use crate::trailers::Withheld;
use basic_auth::{
    Allowance, Decision, Denied, Held, Policy, Request, SourceAddress, StreamMemory, UserName,
    is_spelling_of,
};
use proxy_wasm::hostcalls as sdk;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};

/// One request.
pub(crate) struct Http {
    /// Until the request is decided, so that a long stream does not keep a replaced configuration;
    /// `None` if the root context has none that holds.
    plugin: Option<Rc<Plugin>>,
    /// What trailers must not have, once the request has passed.
    withheld: Option<Rc<Withheld>>,
    /// The number of this context.
    id: u32,
    /// Who holds the request, once it was held.
    holder: Weak<Plugin>,
}

/// What becomes of a request for now.
#[must_use]
pub(crate) enum Course {
    /// It goes on upstream.
    Pass,
    /// It was answered.
    Answered,
    /// It waits for a check.
    Held,
}

impl Http {
    pub(crate) fn new(plugin: Option<Rc<Plugin>>, id: u32) -> Self {
        let withheld = plugin.as_ref().and_then(|plugin| plugin.withheld.clone());
        Self {
            plugin,
            withheld,
            id,
            holder: Weak::new(),
        }
    }

    /// Where a host stops at the fields alone (Envoy with `allow_on_headers_stop_iteration`), what follows
    /// them must not take the request upstream.
    fn after_fields(&self) -> Action {
        match self.holder.upgrade() {
            Some(plugin) if plugin.is_waiting(self.id) => Action::Pause,
            _ => Action::Continue,
        }
    }
}

/// The stream has ended.
impl Drop for Http {
    fn drop(&mut self) {
        if let Some(plugin) = self.holder.upgrade() {
            plugin.leave(self.id);
        }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let course = match self.plugin.take() {
            Some(plugin) => {
                let course = decide(&plugin, self.id, None);
                if let Course::Held = course {
                    self.holder = Rc::downgrade(&plugin);
                }
                course
            }
            None => refuse(503, "basic_auth_without_configuration", &[]),
        };
        match course {
            Course::Pass => Action::Continue,
            Course::Answered | Course::Held => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        self.after_fields()
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let removed = self.withheld.as_ref().map(|withheld| withheld.remove());
        if let Some(None) = removed {
            // What could not be removed must not arrive.
            let _ = refuse(503, "basic_auth_trailers_not_replaced", &[]);
            return Action::Pause;
        }
        self.after_fields()
    }
}

/// Decides the request at hand, whose context has this number; again, if it was held.
pub(crate) fn decide(plugin: &Plugin, context: u32, held: Option<Held>) -> Course {
    let policy = &plugin.policy;
    let Ok(octets) = hostcalls::request_headers() else {
        return refuse(503, "basic_auth_headers_unreadable", &[]);
    };
    let Some(headers) = HeaderMap::parse(&octets) else {
        return refuse(503, "basic_auth_headers_unreadable", &[]);
    };
    let Ok(mut worker) = plugin.worker.try_borrow_mut() else {
        return refuse(503, "basic_auth_busy", &[]);
    };
    let mut request = Request::of(headers.fields(), policy.field_names());
    request.source = SourceAddress::new(&source_address);
    request.memory = StreamMemory::new(&stream_memory::recall);
    let decision = match held {
        None => policy.decide(&request, &mut worker),
        Some(held) => policy.resume(&request, &mut worker, held),
    };
    plugin.statistics.count(&decision);
    plugin.timer.start();
    match decision {
        Decision::Hold(held) => {
            drop(worker);
            plugin.hold(held, context)
        }
        Decision::Allow(allowance) => {
            match &allowance {
                Allowance::Authenticated(user) => stream_memory::keep(policy, *user, &worker),
                Allowance::DryRun(denied) => {
                    plugin.dry_run.report(denied);
                    filter_state::show_denial(policy, denied);
                }
                _ => {}
            }
            pass(policy, &headers, &allowance)
        }
        Decision::Deny(denied) => {
            filter_state::show_denial(policy, &denied);
            deny(&denied)
        }
    }
}

/// Where the request comes from, as far as the listener believes its client.
fn source_address() -> Option<IpAddr> {
    let address = hostcalls::property("source\0address").ok()?;
    let address = std::str::from_utf8(&address).ok()?;
    address.parse().map(|address: SocketAddr| address.ip()).ok()
}

/// Lets the request go upstream, with the user's name from here and from nobody else.
fn pass(policy: &Policy, headers: &HeaderMap<'_>, allowance: &Allowance<'_>) -> Course {
    let user = match allowance {
        Allowance::Authenticated(user) => Some(*user),
        _ => None,
    };
    match hand_over(policy, headers, user) {
        Some(()) => Course::Pass,
        // What could not be removed must not arrive.
        None => refuse(503, "basic_auth_headers_not_replaced", &[]),
    }
}

/// Removes what a client must not say and sets what the upstream is to know; `None` if that failed.
fn hand_over(policy: &Policy, headers: &HeaderMap<'_>, user: Option<UserName<'_>>) -> Option<()> {
    let forwarded = policy.forward_username_header();
    let hidden = policy
        .hides_credentials()
        .then(|| policy.field_names().authentication_header());
    if forwarded.is_some() || hidden.is_some() {
        let is_field =
            |name, field: Option<&str>| field.is_some_and(|field| is_spelling_of(name, field));
        for (name, value) in headers.fields() {
            let is_kept = || {
                let is_free =
                    user.is_none() && forwarded.is_some_and(|field| name == field.as_bytes());
                is_free && stream_memory::is_verified_name(value)
            };
            if is_field(name, hidden) || is_field(name, forwarded) && !is_kept() {
                header_map::remove(MapType::HttpRequestHeaders, name)?;
            }
        }
    }
    if let (Some(forwarded), Some(user)) = (forwarded, user) {
        let map = MapType::HttpRequestHeaders;
        sdk::set_map_value_bytes(map, forwarded, Some(user.as_octets())).ok()?;
    }
    if let Some(user) = user {
        filter_state::show_user(policy, user);
    }
    Some(())
}

fn deny(denied: &Denied<'_>) -> Course {
    log::debug!(
        "denied by basic_auth_rules[{}]: {}",
        denied.rule,
        denied.denial.name()
    );
    let retry_after = denied
        .retry_after_seconds()
        .map(|seconds| seconds.to_string());
    let retry = retry_after
        .as_deref()
        .map(|seconds| ("retry-after", seconds));
    let location = denied.location().map(|location| ("location", location));
    let headers: Vec<(&str, &str)> = denied
        .challenge()
        .into_iter()
        .chain(retry)
        .chain(location)
        .collect();
    answer(
        denied.status(),
        denied.denial.details(),
        &headers,
        denied.grpc_status(),
    )
}

pub(crate) fn refuse(status: u32, details: &str, headers: &[(&str, &str)]) -> Course {
    answer(status, details, headers, None)
}

/// Answers the request. Should the host fail even at that, the request stays where it is.
fn answer(
    status: u32,
    details: &str,
    headers: &[(&str, &str)],
    grpc_status: Option<i32>,
) -> Course {
    let headers = header_map::serialise(headers);
    if hostcalls::send_local_response(status, details, &headers, grpc_status).is_err() {
        log::error!("the host did not send the answer; the request is held");
    }
    Course::Answered
}
