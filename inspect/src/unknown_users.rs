//! Users of a variable that is known only where Envoy runs: in their place stand the names that the configuration itself has.

use std::collections::BTreeSet;

use basic_auth::Format;

use crate::document::Node;

/// A hash that no password is known for. Not a locked user's: rules may rely on these users.
const HASH: &str = "$2y$10$.....................................................";

/// In the place of all whom the configuration does not name.
const ANYBODY: &str = "users_env";

/// What stands in for the users of a variable.
pub(crate) struct UnknownUsers {
    names: BTreeSet<String>,
}

impl UnknownUsers {
    /// Whom `allow` and `groups` name, but for those whom `users` has.
    pub(crate) fn named_by(root: Option<&Node>) -> Self {
        let mut names = BTreeSet::from([ANYBODY.to_owned()]);
        let Some(root) = root else {
            return Self { names };
        };
        let rules = root.get("basic_auth_rules").map_or(&[][..], Node::elements);
        let allowed = rules.iter().filter_map(|rule| rule.get("allow"));
        let groups = || root.get("groups").into_iter().flat_map(Node::members);
        let lists = allowed.chain(groups().map(|(_, members)| members));
        let named = lists.flat_map(Node::elements).filter_map(Node::text);
        names.extend(
            named
                .filter(|name| !name.starts_with('@'))
                .map(str::to_owned),
        );
        let groups = groups().filter_map(|(name, _)| name.text());
        for known in groups.map(str::to_owned).chain(users(root)) {
            names.remove(&known);
        }
        Self { names }
    }

    /// htpasswd text.
    pub(crate) fn text(&self) -> Vec<u8> {
        let lines = self.names.iter().map(|name| format!("{name}:{HASH}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// Takes them out of the users of each format.
    pub(crate) fn remove_from(&self, formats: &mut Vec<(Format, usize)>) {
        for (format, count) in formats.iter_mut() {
            if *format == Format::Bcrypt {
                *count = count.saturating_sub(self.names.len());
            }
        }
        formats.retain(|(_, count)| *count > 0);
    }
}

/// The names in `users`, which is one text or a list of lines.
fn users(root: &Node) -> Vec<String> {
    let users = root.get("users");
    let lines = users.map_or(&[][..], Node::elements).iter();
    let texts = users.into_iter().chain(lines).filter_map(Node::text);
    let names = texts
        .flat_map(str::lines)
        .filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.to_owned()).collect()
}
