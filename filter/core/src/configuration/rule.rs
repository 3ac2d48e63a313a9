//! Reads one of the `basic_auth_rules`.

use super::reader::{Object, Read, Value};
use super::{Defaults, Problem, is_token, realm, users};
use crate::host::HostPattern;
use crate::method::Methods;
use crate::pattern::{Effect, PathPattern, Position};
use crate::rule::Rule;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// The keys of a rule.
pub const RULE_KEYS: [&str; 13] = [
    "allow",
    "allow_missing",
    "credentials",
    "exact",
    "exempt",
    "hosts",
    "path_separated_prefix",
    "prefix",
    "realm",
    "regex",
    "request_methods",
    "suffix",
    "users",
];

/// The keys that say which paths; a rule has one of them.
const PATH_KEYS: [&str; 5] = [
    "exact",
    "path_separated_prefix",
    "prefix",
    "regex",
    "suffix",
];

#[inline(never)]
pub(super) fn parse(
    value: &Value<'_>,
    identity: u64,
    defaults: &Defaults,
    warnings: &mut Vec<String>,
) -> Read<Rule> {
    let rule = value.object(&RULE_KEYS)?;
    let effect = effect(&rule)?;
    let own_realm = rule.read("realm", |value| realm(&value))?;
    let own_users = users::of_rule(&rule, identity, &defaults.caps)?;
    let users = own_users.map_or_else(|| defaults.users.clone(), Rc::new);
    if effect == Effect::Protect && users.is_empty() {
        return Err(rule.error(Problem::AcceptsNobody));
    }
    Ok(Rule {
        hosts: rule
            .read("hosts", |hosts| hosts.each(|host| host_pattern(&host)))?
            .unwrap_or_default(),
        path: path_pattern(&rule, effect, warnings)?,
        methods: methods(&rule, effect, warnings)?,
        effect,
        realm: own_realm.unwrap_or_else(|| defaults.realm.clone()),
        allowed: users::allowed(&rule, &users, &defaults.groups)?,
        users,
        allows_missing: rule.bool("allow_missing")?,
    })
}

fn effect(rule: &Object<'_>) -> Read<Effect> {
    if !rule.bool("exempt")? {
        return Ok(Effect::Protect);
    }
    const MEANINGLESS: [&str; 5] = ["allow", "allow_missing", "credentials", "realm", "users"];
    match MEANINGLESS.iter().find_map(|key| rule.value(key)) {
        Some(value) => Err(value.error(Problem::NotBeside("exempt"))),
        None => Ok(Effect::Exempt),
    }
}

fn host_pattern(host: &Value<'_>) -> Read<HostPattern> {
    HostPattern::parse(host.text_not_empty()?).map_err(|_| host.error(Problem::NotAHost))
}

fn methods(rule: &Object<'_>, effect: Effect, warnings: &mut Vec<String>) -> Read<Methods> {
    let Some(methods) = rule.value("request_methods") else {
        return Ok(Methods::default());
    };
    let names: Vec<String> = methods.each(|method| {
        let name = method.text_not_empty()?;
        let is_method = is_token(name) && (name != "*" || effect == Effect::Protect);
        if is_method {
            Ok(String::from(name))
        } else {
            Err(method.error(Problem::NotAMethod))
        }
    })?;
    if names.is_empty() {
        // An empty list reads as "none", and would mean "all".
        return Err(methods.error(Problem::Empty));
    }
    if names.iter().any(|name| name == "*") {
        warnings.push(format!(
            "{}: `*` is read as all methods; leave the key out",
            methods.place
        ));
        return Ok(Methods::default());
    }
    Ok(Methods::new(names.into_iter().map(String::into_bytes)))
}

fn path_pattern(
    rule: &Object<'_>,
    effect: Effect,
    warnings: &mut Vec<String>,
) -> Read<PathPattern> {
    let mut paths = PATH_KEYS.iter().filter(|key| rule.has(key));
    let key = *paths.next().ok_or_else(|| rule.error(Problem::NoPath))?;
    if paths.next().is_some() {
        return Err(rule.error(Problem::SeveralPaths));
    }
    let position = match key {
        "exact" => Position::Exact,
        "prefix" => Position::Prefix,
        "path_separated_prefix" => Position::PathSeparatedPrefix,
        "suffix" => Position::Suffix,
        _ => return regex(rule),
    };
    let value = rule.value(key).ok_or_else(|| rule.error(Problem::NoPath))?;
    let text = widened(&value, position, warnings)?;
    PathPattern::text(position, text.as_bytes(), effect)
        .map_err(|_| value.error(Problem::CouldBeAnyPath))
}

fn regex(rule: &Object<'_>) -> Read<PathPattern> {
    let value = rule
        .value("regex")
        .ok_or_else(|| rule.error(Problem::NoPath))?;
    PathPattern::regex(value.text_not_empty()?).map_err(|why| value.error(Problem::Regex(why)))
}

/// A text that could never match, made to match what was surely meant: a query or a fragment is no
/// part of the path, and a path begins with `/`. Istio's extension accepts both, so they load.
fn widened(value: &Value<'_>, position: Position, warnings: &mut Vec<String>) -> Read<String> {
    let configured = value.text_not_empty()?;
    let mut warn = |what| warnings.push(format!("{}: {what}", value.place));
    let path = configured.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() {
        return Err(value.error(Problem::Empty));
    }
    if path != configured {
        warn("cut at `?` or `#`, since rules do not see the query and the fragment");
    }
    if path.contains('*') {
        warn("`*` is a character of the path here and stands for nothing else");
    }
    if position == Position::Suffix || path.starts_with('/') {
        return Ok(path.into());
    }
    warn("read with a leading `/`, since every path has one");
    Ok(["/", path].concat())
}
