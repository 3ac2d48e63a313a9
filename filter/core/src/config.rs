//! Reads a configuration: JSON in, a [`Policy`] or the first thing that is wrong out.

use crate::matching::{Index, PathPattern};
use crate::password::{Format, known_answer_holds};
use crate::policy::{Options, Policy, Selection};
use crate::realm::Realm;
use crate::request::{FieldNames, is_spelling_of};
use crate::rule::Rule;
use crate::verify::UserStore;
use crate::witness::Idle;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use json::Json;
use limits::Caps;
use place::Place;
use reader::{Object, Read, Value, error_at};
use users::Groups;

mod conditions;
mod error;
#[cfg(feature = "analysis")]
mod gap;
mod hint;
mod json;
mod limits;
mod path;
mod place;
mod reader;
mod rule;
mod users;
mod wire;

pub use error::{ConfigurationError, NotJson, Problem};
pub use hint::KeyHint;
pub use path::PathProblem;
pub use rule::RULE_KEYS;

/// The keys of the configuration.
pub const CONFIGURATION_KEYS: [&str; 19] = [
    "$schema",
    "allow_cors_preflight",
    "authentication_header",
    "basic_auth_rules",
    "credentials_cache",
    "dry_run",
    "emit_filter_state",
    "forward_username_header",
    "groups",
    "hide_credentials",
    "https_redirect",
    "max_hash_cost",
    "path_override_headers",
    "realm",
    "rule_selection",
    "stat_prefix",
    "users",
    "users_env",
    "verification_budget",
];

/// The longest configuration: some 300,000 users. A VM has 1 GiB in Envoy, and never gives memory back.
const MAX_OCTETS: usize = 16 * 1024 * 1024;

/// The most rules with a `regex`: each is tried on every request, and may take 60 KB, and as much to be tried.
const MAX_EXPRESSIONS: usize = 256;

/// The longest `stat_prefix`, in octets.
const MAX_STAT_PREFIX: usize = 64;

/// Looks up a VM environment variable.
type Environment<'e> = &'e dyn Fn(&str) -> Option<Vec<u8>>;

/// What a rule takes from the configuration around it.
struct Defaults {
    realm: Rc<Realm>,
    users: Rc<UserStore>,
    groups: Groups,
    caps: Caps,
    selection: Selection,
}

impl Policy {
    /// Reads a plugin configuration (JSON). `environment` looks up a VM environment variable.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and without any of the configuration's text.
    pub fn parse(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, ConfigurationError> {
        parse(configuration, environment).map_err(|refusal| *refusal)
    }
}

#[inline(never)]
fn parse(configuration: &[u8], environment: Environment<'_>) -> Read<Policy> {
    let json = parse_json(configuration)?;
    let top = Value {
        json: &json,
        place: Place::Root,
    }
    .object(&CONFIGURATION_KEYS)?;
    // For editors.
    top.read("$schema", |value| value.text().map(|_| ()))?;
    let mut warnings = Vec::new();
    let defaults = defaults(&top, environment)?;
    let rules = rules(&top, &defaults, &mut warnings)?;
    let stores = stores(&defaults, &rules);
    users::check_groups(&top, &defaults.groups, stores.iter().copied())?;
    let formats = formats(&stores);
    check_formats(&formats, &mut warnings)?;
    let mut policy = Policy {
        index: Index::new(&rules.iter().map(|rule| &rule.scope).collect::<Vec<_>>()),
        options: options(&top, &defaults)?,
        rules,
        formats,
        warnings,
    };
    check_effects(&mut policy)?;
    #[cfg(feature = "analysis")]
    gap::warn(&mut policy, &top, &defaults.groups)?;
    Ok(policy)
}

/// Refuses a rule that decides no request. Where that is neither proved nor disproved, the operator is
/// told.
fn check_effects(policy: &mut Policy) -> Read<()> {
    let root = Place::Root;
    let rules = root.key("basic_auth_rules");
    for index in 0..policy.rules.len() {
        let place = rules.index(index);
        match policy.idle(index) {
            None => {}
            Some(Idle::Covered(by)) => return Err(error_at(&place, Problem::Covered(by))),
            Some(Idle::Nothing) => return Err(error_at(&place, Problem::DecidesNothing)),
            Some(Idle::Unknown) => policy.warnings.push(format!(
                "{place}: no request was found that this rule decides; compare it with the others"
            )),
        }
    }
    Ok(())
}

fn defaults(top: &Object<'_>, environment: Environment<'_>) -> Read<Defaults> {
    let caps = limits::caps(top)?;
    Ok(Defaults {
        realm: top
            .read("realm", |value| realm(&value))?
            .map_or_else(default_realm, Ok)?,
        users: Rc::new(users::of_all_rules(top, environment, &caps)?),
        groups: users::groups(top)?,
        caps,
        selection: top
            .read("rule_selection", |value| selection(&value))?
            .unwrap_or_default(),
    })
}

fn rules(top: &Object<'_>, defaults: &Defaults, warnings: &mut Vec<String>) -> Read<Vec<Rule>> {
    let mut expressions = 0;
    let rules = top.read("basic_auth_rules", |rules| {
        rules.each(|rule| {
            let parsed = rule::parse(&rule, defaults, warnings)?;
            expressions += usize::from(matches!(parsed.scope.path, PathPattern::Regex(_)));
            if expressions > MAX_EXPRESSIONS {
                return Err(error_at(
                    &rule.place.key("regex"),
                    Problem::TooManyExpressions,
                ));
            }
            Ok(parsed)
        })
    })?;
    let rules = rules.unwrap_or_default();
    if rules.is_empty() {
        warnings.push("no `basic_auth_rules`: nothing is protected".to_string());
    } else if rules.iter().all(|rule| rule.protection().is_none()) {
        warnings.push("basic_auth_rules: exemptions alone: nothing is protected".to_string());
    }
    Ok(rules)
}

/// Every user list there is, once.
fn stores<'s>(defaults: &'s Defaults, rules: &'s [Rule]) -> Vec<&'s UserStore> {
    let own = rules.iter().filter_map(Rule::protection);
    let own = own.map(|protection| &protection.users);
    let own = own.filter(|users| !Rc::ptr_eq(users, &defaults.users));
    core::iter::once(&defaults.users)
        .chain(own)
        .map(Rc::as_ref)
        .collect()
}

/// How many users have a hash of each format.
fn formats(stores: &[&UserStore]) -> Vec<(Format, usize)> {
    let count = |format: &Format| {
        let all = stores.iter().flat_map(|users| users.formats());
        let count = all.filter(|other| other == format).count();
        (count > 0).then_some((*format, count))
    };
    Format::ALL.iter().filter_map(count).collect()
}

/// Computes a known answer in every format that is configured, and counts the weak ones.
///
/// The first computation of a format pays for its compilation: better here than in a request.
fn check_formats(counts: &[(Format, usize)], warnings: &mut Vec<String>) -> Read<()> {
    let is_wrong = |(format, _): &&(Format, usize)| !known_answer_holds(*format);
    if let Some((format, _)) = counts.iter().find(is_wrong) {
        return Err(error_at(&Place::Root, Problem::WrongAnswer(*format)));
    }
    let weak: Vec<String> = counts
        .iter()
        .filter(|(format, _)| format.is_weak())
        .map(|(format, count)| format!("{count} {format}"))
        .collect();
    if !weak.is_empty() {
        warnings.push(format!(
            "passwords that are easily guessed from what is stored ({}); re-hash with bcrypt",
            weak.join(", ")
        ));
    }
    Ok(())
}

/// An empty configuration is `{}`.
fn parse_json(configuration: &[u8]) -> Read<Json> {
    if configuration.len() > MAX_OCTETS {
        return Err(error_at(&Place::Root, Problem::TooLarge));
    }
    // RFC 8259, 8.1: a byte order mark may be ignored.
    let text = configuration
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(configuration);
    if text.trim_ascii().is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    serde_json::from_slice(text).or_else(|error| {
        let not_json = || error_at(&Place::Root, Problem::NotJson(NotJson::of(&error, text)));
        wire::parse(configuration).ok_or_else(not_json)
    })
}

/// Istio's default.
fn default_realm() -> Read<Rc<Realm>> {
    let refused = |_| error_at(&Place::Root, Problem::ControlCharacterInRealm);
    Realm::parse("istio").map(Rc::new).map_err(refused)
}

fn realm(value: &Value<'_>) -> Read<Rc<Realm>> {
    Realm::parse(value.text()?)
        .map(Rc::new)
        .map_err(|_| value.error(Problem::ControlCharacterInRealm))
}

fn options(top: &Object<'_>, defaults: &Defaults) -> Read<Options> {
    let authentication_header = top.read("authentication_header", |value| header_name(&value))?;
    let path_overrides = top.read("path_override_headers", |value| {
        value.each(|name| header_name(&name))
    })?;
    let options = Options {
        selection: defaults.selection,
        field_names: FieldNames::new(authentication_header, path_overrides),
        forward_username_header: top
            .read("forward_username_header", |value| header_name(&value))?,
        hides_credentials: top.bool("hide_credentials")?,
        emits_filter_state: top.bool("emit_filter_state")?,
        allows_cors_preflight: top.bool("allow_cors_preflight")?,
        is_dry_run: top.bool("dry_run")?,
        redirects_to_https: top.bool("https_redirect")?,
        stat_prefix: top.read("stat_prefix", |value| stat_prefix(&value))?,
        limits: limits::of_worker(top)?,
    };
    if let Some(forwarded) = &options.forward_username_header
        && is_spelling_of(
            forwarded.as_bytes(),
            options.field_names.authentication_header(),
        )
    {
        let place = top.place.key("forward_username_header");
        return Err(error_at(&place, Problem::CredentialsField));
    }
    Ok(options)
}

fn selection(value: &Value<'_>) -> Read<Selection> {
    match value.text()? {
        "all" => Ok(Selection::All),
        "first" => Ok(Selection::First),
        _ => Err(value.error(Problem::UnknownWord("`all` or `first`"))),
    }
}

/// Part of a counter's name, the same in Envoy and in Prometheus.
fn stat_prefix(value: &Value<'_>) -> Read<String> {
    let text = value.text_not_empty()?;
    let is_valid = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    if text.len() > MAX_STAT_PREFIX || !text.bytes().all(is_valid) {
        return Err(value.error(Problem::NotAStatPrefix));
    }
    Ok(text.into())
}

/// A field name, in lower case; none that connections, hosts or cookies depend on.
fn header_name(value: &Value<'_>) -> Read<String> {
    const RESERVED: [&str; 9] = [
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = value.text_not_empty()?.to_ascii_lowercase();
    if !is_token(&name) {
        return Err(value.error(Problem::NotAHeaderName));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(value.error(Problem::ReservedHeader));
    }
    Ok(name)
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}
