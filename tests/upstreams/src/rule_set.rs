//! The configurations of the filter that are tried, and what each of them protects.

use crate::content::Content::{self, Address, Folder, Hosted, Script, Secret};
use crate::definition::Definition;

/// One configuration of the filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleSet {
    /// Also the name of its listener.
    pub(crate) name: &'static str,
    /// `basic_auth_rules`, where `USERS` stands for the users.
    rules: &'static str,
    /// The beginning of the configuration.
    options: &'static str,
    /// What must not be served without credentials.
    pub(crate) protects: &'static [Content],
    /// Whether `/file/more` is something else than `/file` to it, by the documentation.
    is_open_to_path_info: bool,
}

/// The user and password of every rule.
pub(crate) const CREDENTIALS: &str = "Aladdin:open sesame";

const fn rules(name: &'static str, protects: &'static [Content], rules: &'static str) -> RuleSet {
    RuleSet {
        name,
        rules,
        options: "",
        protects,
        is_open_to_path_info: false,
    }
}

const fn without_path_info(rule_set: RuleSet) -> RuleSet {
    RuleSet {
        is_open_to_path_info: true,
        ..rule_set
    }
}

const fn first(rule_set: RuleSet) -> RuleSet {
    RuleSet {
        options: r#""rule_selection": "first", "#,
        ..rule_set
    }
}

const PATHS: &[Content] = &[Secret, Script, Folder];
const EVERYTHING: &[Content] = &[Secret, Script, Folder, Hosted, Address];

/// Every configuration.
pub(crate) const RULE_SETS: &[RuleSet] = &[
    without_path_info(rules(
        "exact",
        PATHS,
        r#"{"exact": "/admin/secret", USERS}, {"exact": "/x.php", USERS}, {"exact": "/folder/", USERS}"#,
    )),
    rules(
        "prefix",
        PATHS,
        r#"{"prefix": "/admin", USERS}, {"prefix": "/x.p", USERS}, {"prefix": "/fold", USERS}"#,
    ),
    rules(
        "prefix with a slash",
        &[Secret, Folder],
        r#"{"prefix": "/admin/", USERS}, {"prefix": "/folder/", USERS}"#,
    ),
    rules(
        "path_separated_prefix",
        PATHS,
        r#"{"path_separated_prefix": "/admin", USERS}, {"path_separated_prefix": "/x.php", USERS}, {"path_separated_prefix": "/folder", USERS}"#,
    ),
    rules(
        "suffix",
        PATHS,
        r#"{"suffix": "/secret", USERS}, {"suffix": ".php", USERS}, {"suffix": "/folder/", USERS}"#,
    ),
    without_path_info(rules(
        "regex",
        PATHS,
        r#"{"regex": "/admin/secret", USERS}, {"regex": ".*\\.php", USERS}, {"regex": "/folder/", USERS}"#,
    )),
    rules(
        "regex of a folder",
        &[Secret, Folder],
        r#"{"regex": "/admin/.*", USERS}, {"regex": "/folder/.*", USERS}"#,
    ),
    rules(
        "exempt prefix",
        EVERYTHING,
        r#"{"prefix": "/public/", "exempt": true}, {"prefix": "/", USERS}"#,
    ),
    rules(
        "exempt exact",
        EVERYTHING,
        r#"{"exact": "/healthz", "exempt": true}, {"prefix": "/", USERS}"#,
    ),
    rules(
        "exempt path_separated_prefix",
        EVERYTHING,
        r#"{"path_separated_prefix": "/public", "exempt": true}, {"prefix": "/", USERS}"#,
    ),
    without_path_info(rules(
        "exempt suffix",
        EVERYTHING,
        r#"{"suffix": ".css", "exempt": true}, {"prefix": "/", USERS}"#,
    )),
    rules(
        "exempt regex",
        EVERYTHING,
        r#"{"regex": "/assets/[a-z]+\\.js", "exempt": true}, {"prefix": "/", USERS}"#,
    ),
    first(rules(
        "first, allow_missing",
        EVERYTHING,
        r#"{"prefix": "/public/", "allow_missing": true, USERS}, {"prefix": "/", USERS}"#,
    )),
    rules(
        "hosts",
        &[Hosted],
        r#"{"hosts": ["secret.example"], "prefix": "/", USERS}"#,
    ),
    rules(
        "hosts, an address",
        &[Address],
        r#"{"hosts": ["127.0.0.1"], "prefix": "/", USERS}"#,
    ),
    rules(
        "exempt hosts",
        &[Hosted, Address],
        r#"{"hosts": ["open.example"], "prefix": "/", "exempt": true}, {"prefix": "/", USERS}"#,
    ),
];

impl RuleSet {
    /// The plugin configuration.
    pub(crate) fn configuration(&self) -> String {
        let users = format!(r#""credentials": ["{CREDENTIALS}"]"#);
        let rules = self.rules.replace("USERS", &users);
        format!(r#"{{{}"basic_auth_rules": [{rules}]}}"#, self.options)
    }

    /// Whether `content` of this server must not be served without credentials.
    pub(crate) fn protects(&self, content: Content, server: &Definition) -> bool {
        let is_promised = !(self.is_open_to_path_info && server.has_path_info);
        is_promised && self.protects.contains(&content)
    }
}
