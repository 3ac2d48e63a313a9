//! What access logs can show of a request: properties of the stream, in Envoy filter state whose names
//! begin with `wasm.`.

use crate::hostcalls;
use basic_auth::{Denied, Policy, UserName};

/// The user's name, with `emit_filter_state`.
const USER: &str = "basic_auth_user";

/// The reason of a denial and the rule.
const DENIED: &str = "basic_auth_denied";

/// Shows whose password was proved, if that is configured.
pub(crate) fn show_user(policy: &Policy, user: UserName<'_>) {
    if policy.emits_filter_state() {
        set(USER, user.as_octets());
    }
}

/// Shows why a request was denied, or would have been.
pub(crate) fn show_denial(policy: &Policy, denied: &Denied<'_>) {
    let (reason, rule) = (denied.denial.name(), denied.rule);
    set(
        DENIED,
        format!("{reason} basic_auth_rules[{rule}]").as_bytes(),
    );
    if let Some(user) = denied.user {
        show_user(policy, user);
    }
}

/// Another filter may have made a filter state of this name that cannot be replaced. The request does
/// not depend on it.
fn set(property: &str, value: &[u8]) {
    if hostcalls::set_property(property, value).is_err() {
        log::debug!("the host did not set the property {property}");
    }
}
