//! What a rule leaves open that it seems to protect, for the tools. The module has no room for this.

use super::place::Place;
use super::reader::{Object, Read, Value};
use super::users::Groups;
use crate::matching::Scope;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::witness::Witness;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of documents and of nobody (RFC 5737, RFC 3849, RFC 6666): one of them is in no block that somebody
/// really has.
const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
    IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 7)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
];

/// A method that no rule lists.
const METHOD: &[u8] = b"X-WITNESS";

/// The keys, and what is told.
const GAPS: [(&str, &str); 4] = [
    ("remote_ips", ELSEWHERE),
    ("request_methods", OTHERWISE),
    ("prefix", ABOVE),
    ("regex", BELOW),
];
const ELSEWHERE: &str = "from other addresses no password is needed, and whoever the listener believes in \
                         `X-Forwarded-For` chooses the address";
const OTHERWISE: &str =
    "by other methods no password is needed, and many upstreams answer any as `GET`";
const ABOVE: &str = "without its last slash the path needs no password, and many upstreams serve the same there; \
                     write `path_separated_prefix`";
const BELOW: &str =
    "is matched as a whole: what is below needs no password; write `(/.*)?` behind it";

/// Tells the operator of what protects less than it seems to, or nothing.
pub(super) fn warn(policy: &mut Policy, top: &Object<'_>, groups: &Groups) -> Read<()> {
    let rules = top.place.key("basic_auth_rules");
    for index in 0..policy.rules.len() {
        let place = rules.index(index);
        policy.warn_of_gaps(index, &place);
        let protection = policy.rules.get(index).and_then(Rule::protection);
        if protection.is_some_and(|protection| protection.users.has_empty_password()) {
            policy.warnings.push(format!(
                "{}: an empty password lets everybody pass who knows the user's name",
                place.key("credentials")
            ));
        }
    }
    let left_out = policy.options.field_names.defaults_left_out();
    if !left_out.is_empty() {
        policy.warnings.push(format!(
            "path_override_headers: replaces the default, without `{}`",
            left_out.join("`, `")
        ));
    }
    for group in top.value("groups").iter().map(Value::members) {
        for member in group? {
            let (name, users) = member?;
            if groups.is_idle(name) {
                policy
                    .warnings
                    .push(format!("{}: no `allow` names this group", users.place));
            }
        }
    }
    Ok(())
}

impl Policy {
    /// Tells the operator of a rule that protects: it decides a request, and nearly the same one passes, since no
    /// rule applies to it.
    fn warn_of_gaps(&mut self, rule: usize, place: &Place<'_>) {
        let protected = self.witness(rule).filter(|_| !self.is_exempt(rule));
        let Some((protected, rule)) = protected.zip(self.rules.get(rule)) else {
            return;
        };
        let gap = |(key, text): (&str, &str)| {
            let other = changed(&protected, key, &rule.scope)?;
            let is_open = self.is_open(&other);
            is_open.then(|| format!("{}: {text}", place.key(key)))
        };
        let gaps: Vec<String> = GAPS.into_iter().filter_map(gap).collect();
        self.warnings.extend(gaps);
    }
}

/// A request that the condition of this key leaves open, if it leaves some open.
fn changed(protected: &Witness, key: &str, scope: &Scope) -> Option<Witness> {
    let mut other = protected.clone();
    match key {
        "remote_ips" => other.source = Some(scope.address_outside(&ADDRESSES)?),
        "request_methods" if scope.methods.has_get() => other.method = METHOD.to_vec(),
        "prefix" => other.path = scope.path.folder()?.to_vec(),
        "regex" if ends_like_folder(scope.path.expression()?) => other.path.extend(b"/x"),
        _ => return None,
    }
    Some(other)
}

/// Whether an expression has but certain paths, and seems to be searched for: `/admin`, `/(admin|ops)/?`.
fn ends_like_folder(expression: &str) -> bool {
    let expression = expression.strip_suffix(r")\z").unwrap_or(expression);
    let end = expression.rsplit('/').next().unwrap_or_default();
    !expression.contains(['*', '+', '{', '[']) && !end.contains(['.', '\\'])
}

#[cfg(test)]
mod tests;
