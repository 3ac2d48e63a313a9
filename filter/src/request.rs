//! One request: reads its fields, decides, answers or lets it pass.

use crate::abi::Action;
use crate::plugin::Plugin;
use crate::{abi, header_map};
use basic_auth::{Allowance, Decision, Denied, Policy, Request, is_spelling_of};

/// The property that holds the user's name; in Envoy the filter state `wasm.basic_auth_user`.
const USER_PROPERTY: &[u8] = b"basic_auth_user";

/// What no rule is about.
const UNMATCHED: Decision<'static> = Decision::Allow {
    why: Allowance::Unmatched,
    user: None,
};

/// Decides the request at hand.
pub(crate) fn decide(plugin: &Plugin) -> Action {
    let policy = &plugin.policy;
    // One field costs less than all, but both together cost more: so the path is asked for alone
    // where that of the last request was enough. It decides nothing but how the fields are read.
    if plugin.was_told_by_path.get() && is_unmatched(policy) {
        plugin.statistics.count(&UNMATCHED);
        return pass(policy, &[], None);
    }
    let Ok(map) = abi::request_headers() else {
        return refuse(503, "basic_auth_headers_unreadable", &[]);
    };
    let request = Request::of(header_map::fields(&map), policy);
    let Ok(mut worker) = plugin.worker.try_borrow_mut() else {
        return refuse(503, "basic_auth_busy", &[]);
    };
    let decision = policy.decide(&request, &mut worker);
    plugin.statistics.count(&decision);
    let is_unmatched = matches!(
        decision,
        Decision::Allow {
            why: Allowance::Unmatched,
            ..
        }
    );
    let is_told_by_path = |path| !policy.may_be_about(path);
    let was_told_by_path = is_unmatched && request.path.is_some_and(is_told_by_path);
    plugin.was_told_by_path.set(was_told_by_path);
    match decision {
        Decision::Allow { why, user } => {
            if let Allowance::DryRun(denial) = why {
                log::debug!("dry run: would have been denied: {}", denial.name());
            }
            pass(policy, &map, user)
        }
        Decision::Deny(denied) => deny(&denied),
    }
}

/// Whether the path alone says that no rule is about the request.
fn is_unmatched(policy: &Policy) -> bool {
    // All fields are needed to remove the spellings of the user's name.
    policy.forward_username_header().is_none()
        && abi::request_header(b":path").is_ok_and(|path| !policy.may_be_about(&path))
}

/// Lets the request go upstream, with the user's name from here and from nobody else.
fn pass(policy: &Policy, map: &[u8], user: Option<&[u8]>) -> Action {
    match hand_over(policy, map, user) {
        Ok(()) => Action::Continue,
        // What could not be removed must not arrive.
        Err(abi::Failed) => refuse(503, "basic_auth_headers_not_replaced", &[]),
    }
}

fn hand_over(policy: &Policy, map: &[u8], user: Option<&[u8]>) -> Result<(), abi::Failed> {
    if let Some(forwarded) = policy.forward_username_header() {
        for (name, _) in header_map::fields(map).filter(|(name, _)| is_spelling_of(name, forwarded))
        {
            abi::remove_request_header(name)?;
        }
        if let Some(user) = user {
            abi::replace_request_header(forwarded.as_bytes(), user)?;
        }
    }
    if policy.hides_credentials() {
        abi::remove_request_header(policy.authentication_header().as_bytes())?;
    }
    if let (true, Some(user)) = (policy.emits_filter_state(), user) {
        abi::set_property(USER_PROPERTY, user)?;
    }
    Ok(())
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
    let challenge = denied
        .challenge()
        .map(|challenge| ("www-authenticate", challenge));
    let retry = retry_after
        .as_deref()
        .map(|seconds| ("retry-after", seconds));
    let headers: Vec<(&str, &str)> = challenge.into_iter().chain(retry).collect();
    refuse(denied.status(), denied.denial.details(), &headers)
}

/// Answers the request. Should the host fail even at that, the request stays where it is.
pub(crate) fn refuse(status: u32, details: &str, headers: &[(&str, &str)]) -> Action {
    if abi::send_local_response(status, details, &header_map::serialise(headers)).is_err() {
        log::error!("the host did not send the answer; the request is held");
    }
    Action::Pause
}
