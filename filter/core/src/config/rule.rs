//! Reads one of the `basic_auth_rules`.

use super::reader::{Object, Read, Value};
use super::{Defaults, Problem, is_token, realm, users};
use crate::matching::{Breadth, Case, HostPattern, Methods, PathPattern, Position, Scope};
use crate::rule::{Effect, Protection, Rule};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// The keys of a rule.
pub const RULE_KEYS: [&str; 14] = [
    "allow",
    "allow_missing",
    "credentials",
    "exact",
    "exempt",
    "hosts",
    "ignore_case",
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
    defaults: &Defaults,
    warnings: &mut Vec<String>,
) -> Read<Rule> {
    let rule = value.object(&RULE_KEYS)?;
    let is_exempt = rule.bool("exempt")?;
    let breadth = if is_exempt {
        Breadth::Narrow
    } else {
        Breadth::Wide
    };
    let effect = if is_exempt {
        exemption(&rule)?
    } else {
        Effect::Protect(protection(&rule, defaults)?)
    };
    let scope = Scope {
        hosts: rule
            .read("hosts", |hosts| hosts.each(|host| host_pattern(&host, breadth)))?
            .unwrap_or_default(),
        path: path_pattern(&rule, breadth, case(&rule, breadth)?, warnings)?,
        methods: methods(&rule, breadth, warnings)?,
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
    })
}

fn exemption(rule: &Object<'_>) -> Read<Effect> {
    const MEANINGLESS: [&str; 5] = ["allow", "allow_missing", "credentials", "realm", "users"];
    match MEANINGLESS.iter().find_map(|key| rule.value(key)) {
        Some(value) => Err(value.error(Problem::NotBeside("exempt"))),
        None => Ok(Effect::Exempt),
    }
}

/// Some upstreams take paths without case: Express, Caddy.
fn case(rule: &Object<'_>, breadth: Breadth) -> Read<Case> {
    let ignores_case = rule.read("ignore_case", |value| value.bool())?;
    match (ignores_case.unwrap_or(breadth == Breadth::Wide), breadth) {
        (false, _) => Ok(Case::Respected),
        (true, Breadth::Wide) => Ok(Case::Ignored),
        (true, Breadth::Narrow) => Err(rule
            .value("ignore_case")
            .map_or_else(|| rule.error(Problem::NotBeside("exempt")), |value| {
                value.error(Problem::NotBeside("exempt"))
            })),
    }
}

fn host_pattern(host: &Value<'_>, breadth: Breadth) -> Read<HostPattern> {
    HostPattern::parse(host.text_not_empty()?, breadth)
        .map_err(|why| host.error(Problem::NotAHost(why)))
}

fn methods(rule: &Object<'_>, breadth: Breadth, warnings: &mut Vec<String>) -> Read<Methods> {
    let Some(methods) = rule.value("request_methods") else {
        return Ok(Methods::default());
    };
    let names: Vec<String> = methods.each(|method| {
        let name = method.text_not_empty()?;
        let is_method = is_token(name) && (name != "*" || breadth == Breadth::Wide);
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
    breadth: Breadth,
    case: Case,
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
        _ => return regex(rule, breadth, case),
    };
    let value = rule.value(key).ok_or_else(|| rule.error(Problem::NoPath))?;
    let text = widened(&value, position, warnings)?;
    PathPattern::text(position, text.as_bytes(), breadth, case)
        .map_err(|_| value.error(Problem::CouldBeAnyPath))
}

fn regex(rule: &Object<'_>, breadth: Breadth, case: Case) -> Read<PathPattern> {
    let value = rule
        .value("regex")
        .ok_or_else(|| rule.error(Problem::NoPath))?;
    PathPattern::regex(value.text_not_empty()?, breadth, case)
        .map_err(|why| value.error(Problem::Regex(why)))
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
