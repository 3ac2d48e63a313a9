//! The HTTP context: reads a request's fields, decides, answers or lets it pass.

use crate::filter_state;
use crate::header_map::{self, HeaderMap};
use crate::hostcalls;
use crate::plugin::Plugin;
use crate::stream_memory;
use crate::trailers::Withheld;
use basic_auth::{
    Allowance, Decision, Denied, Policy, Request, SourceAddress, StreamMemory, UserName,
    is_spelling_of,
};
use proxy_wasm::hostcalls as sdk;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// One request.
pub(crate) struct Http {
    /// Until the request is decided, so that a long stream does not keep a replaced configuration;
    /// `None` if the root context has none that holds.
    plugin: Option<Rc<Plugin>>,
    /// What trailers must not have, once the request has passed.
    withheld: Option<Rc<Withheld>>,
}

impl Http {
    pub(crate) fn new(plugin: Option<Rc<Plugin>>) -> Self {
        let withheld = plugin.as_ref().and_then(|plugin| plugin.withheld.clone());
        Self { plugin, withheld }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        match self.plugin.take() {
            Some(plugin) => decide(&plugin),
            None => refuse(503, "basic_auth_without_configuration", &[]),
        }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let removed = self.withheld.as_ref().map(|withheld| withheld.remove());
        match removed {
            None | Some(Some(())) => Action::Continue,
            // What could not be removed must not arrive.
            Some(None) => refuse(503, "basic_auth_trailers_not_replaced", &[]),
        }
    }
}

/// Decides the request at hand.
fn decide(plugin: &Plugin) -> Action {
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
    let decision = policy.decide(&request, &mut worker);
    plugin.statistics.count(&decision);
    plugin.timer.start();
    match decision {
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
fn pass(policy: &Policy, headers: &HeaderMap<'_>, allowance: &Allowance<'_>) -> Action {
    let user = match allowance {
        Allowance::Authenticated(user) => Some(*user),
        _ => None,
    };
    match hand_over(policy, headers, user) {
        Some(()) => Action::Continue,
        // What could not be removed must not arrive.
        None => refuse(503, "basic_auth_headers_not_replaced", &[]),
    }
}

/// Removes what a client must not say and sets what the upstream is to know; `None` if that failed.
fn hand_over(policy: &Policy, headers: &HeaderMap<'_>, user: Option<UserName<'_>>) -> Option<()> {
    let map = MapType::HttpRequestHeaders;
    if let Some(forwarded) = policy.forward_username_header() {
        for (name, value) in headers.fields() {
            let is_kept = || {
                let is_free = user.is_none() && name == forwarded.as_bytes();
                is_free && stream_memory::is_verified_name(value)
            };
            if is_spelling_of(name, forwarded) && !is_kept() {
                sdk::remove_map_value(map, std::str::from_utf8(name).ok()?).ok()?;
            }
        }
        if let Some(user) = user {
            sdk::set_map_value_bytes(map, forwarded, Some(user.as_octets())).ok()?;
        }
    }
    if policy.hides_credentials() {
        sdk::remove_map_value(map, policy.field_names().authentication_header()).ok()?;
    }
    if let Some(user) = user {
        filter_state::show_user(policy, user);
    }
    Some(())
}

fn deny(denied: &Denied<'_>) -> Action {
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

fn refuse(status: u32, details: &str, headers: &[(&str, &str)]) -> Action {
    answer(status, details, headers, None)
}

/// Answers the request. Should the host fail even at that, the request stays where it is.
fn answer(
    status: u32,
    details: &str,
    headers: &[(&str, &str)],
    grpc_status: Option<i32>,
) -> Action {
    let headers = header_map::serialise(headers);
    if hostcalls::send_local_response(status, details, &headers, grpc_status).is_err() {
        log::error!("the host did not send the answer; the request is held");
    }
    Action::Pause
}
