//! Reads one of the `basic_auth_rules`.

use super::reader::{Object, Read, Value};
use super::{Defaults, Problem, conditions, path, realm, users};
use crate::matching::{Breadth, Scope};
use crate::policy::Selection;
use crate::rule::{Effect, Protection, Rule};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// The keys of a rule.
pub const RULE_KEYS: [&str; 16] = [
    "allow",
    "allow_missing",
    "allow_other_schemes",
    "credentials",
    "exact",
    "exempt",
    "hosts",
    "ignore_case",
    "path_separated_prefix",
    "prefix",
    "realm",
    "regex",
    "remote_ips",
    "request_methods",
    "suffix",
    "users",
];

#[inline(never)]
pub(super) fn parse(
    value: &Value<'_>,
    defaults: &Defaults,
    warnings: &mut Vec<String>,
) -> Read<Rule> {
    let rule = value.object(&RULE_KEYS)?;
    let is_exempt = rule.bool("exempt")?;
    let (breadth, effect) = if is_exempt {
        (Breadth::Narrow, exemption(&rule)?)
    } else {
        let protection = protection(&rule, defaults)?;
        (Breadth::Wide, Effect::Protect(protection))
    };
    // Where a rule decides alone, it opens what stricter ones behind it protect.
    let opens = is_exempt
        || rule.bool("allow_missing")?
        || rule.bool("allow_other_schemes")?
        || defaults.selection == Selection::First;
    let scope = Scope {
        hosts: conditions::hosts(&rule, opens)?,
        path: path::pattern(&rule, breadth, opens, defaults.selection, warnings)?,
        methods: conditions::methods(&rule, breadth, warnings)?,
        sources: conditions::sources(&rule, breadth, opens, warnings)?,
    };
    Ok(Rule { scope, effect })
}

fn protection(rule: &Object<'_>, defaults: &Defaults) -> Read<Protection> {
    let own_realm = rule.read("realm", |value| realm(&value))?;
    let own_users = users::of_rule(rule, &defaults.caps)?;
    let users = own_users.map_or_else(|| defaults.users.clone(), Rc::new);
    if users.is_empty() {
        return Err(rule.error(Problem::AcceptsNobody));
    }
    Ok(Protection {
        realm: own_realm.unwrap_or_else(|| defaults.realm.clone()),
        allowed: users::allowed(rule, &users, &defaults.groups)?,
        users,
        allows_missing: rule.bool("allow_missing")?,
        allows_other_schemes: rule.bool("allow_other_schemes")?,
    })
}

fn exemption(rule: &Object<'_>) -> Read<Effect> {
    const MEANINGLESS: [&str; 6] = [
        "allow",
        "allow_missing",
        "allow_other_schemes",
        "credentials",
        "realm",
        "users",
    ];
    match MEANINGLESS.iter().find_map(|key| rule.value(key)) {
        Some(value) => Err(value.error(Problem::NotBeside("exempt"))),
        None => Ok(Effect::Exempt),
    }
}
