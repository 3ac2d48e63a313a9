//! Real servers and frameworks, as the steps that they take on a path.
//!
//! Each is named with where it was read. What a server can be configured to do is there in both
//! ways. What `tests/upstreams` finds of real servers becomes a row here. Not modelled: overlong
//! UTF-8, which the filter does not promise (SECURITY.md), and what is no matter of the path:
//! hosts, and header fields that move the path.

mod servers;

use std::collections::BTreeMap;

use crate::step::Step::{self, AbsoluteForm, Decode, DecodeWithUnicode, RemoveDotsAndTheirEscapes};
use crate::step::is_never_forwarded;
use servers::{FRONTS, servers};

/// A server or framework: what it makes of a path.
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// Its name, and what of it this is.
    pub name: &'static str,
    /// The steps, in their order.
    pub steps: &'static [Step],
}

/// More than twice decoded is not promised.
const MOST_DECODINGS: usize = 2;

impl Upstream {
    /// What it resolves a path to. `None`: it refuses the request.
    pub fn resolve(&self, path: &[u8]) -> Option<Vec<u8>> {
        let whole = AbsoluteForm.take(path.to_vec())?;
        let resolved = (self.steps.iter()).try_fold(whole, |path, step| step.take(path))?;
        resolved.starts_with(b"/").then_some(resolved)
    }

    /// How often it decodes the same octets.
    fn decodings(&self) -> usize {
        let is_decoding = |step: &&Step| {
            matches!(
                step,
                Decode(_) | DecodeWithUnicode | RemoveDotsAndTheirEscapes
            )
        };
        self.steps.iter().filter(is_decoding).count()
    }
}

/// A path as an upstream understands it, and who that is.
pub type Resolved = BTreeMap<Vec<u8>, String>;

/// Everything that upstreams may resolve `path` to, with the first that does, alone or behind
/// another. Empty for a path that no HTTP codec lets through.
pub fn resolutions(path: &[u8]) -> Resolved {
    let mut resolved = Resolved::new();
    if path.iter().any(is_never_forwarded) {
        return resolved;
    }
    for server in servers() {
        if let Some(path) = server.resolve(path) {
            resolved
                .entry(path)
                .or_insert_with(|| server.name.to_owned());
        }
    }
    for front in FRONTS {
        let Some(forwarded) = front.resolve(path) else {
            continue;
        };
        let is_promised =
            |server: &&Upstream| front.decodings() + server.decodings() <= MOST_DECODINGS;
        for server in servers().filter(is_promised) {
            if let Some(path) = server.resolve(&forwarded) {
                resolved
                    .entry(path)
                    .or_insert_with(|| format!("{} behind {}", server.name, front.name));
            }
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str, path: &str) -> Option<String> {
        let server = servers().find(|server| server.name == name).unwrap();
        let path = server.resolve(path.as_bytes())?;
        Some(String::from_utf8(path).unwrap())
    }

    #[test]
    fn known_attacks_resolve_as_they_did() {
        for (name, path, expected) in [
            ("Tomcat", "/x/..;/manager", Some("/manager")),
            ("Tomcat", "/x%2f../manager", None),
            ("nginx", "/x%2f..//admin", Some("/admin")),
            ("nginx", "/../admin", None),
            (
                "Apache httpd 2.4.49 and 2.4.50",
                "/cgi/%%32%65%%32%65/etc",
                Some("/etc"),
            ),
            (
                "WebLogic",
                "/css/%252e%252e%252fconsole.portal",
                Some("/console.portal"),
            ),
            ("Node, new URL", "/\\host/x/.%2e/admin#y", Some("/admin")),
            (
                "Jetty, ConcatServlet",
                "/%2557EB-INF/web.xml",
                Some("/WEB-INF/web.xml"),
            ),
            ("uWSGI", "/public/%/x/../../admin%", Some("/admin")),
            ("Jetty 9.4, %u", "/x/%u002e%u002e/admin", Some("/admin")),
            ("Bottle", "/%ffadmin", Some("/admin")),
            ("Bottle, static_file", "/public/.%ff./admin", Some("/admin")),
            ("Express, @koa/router, connect", "/ADMIN", Some("/admin")),
            ("Caddy, path matchers", "/Admin%2e%20", Some("/admin")),
            ("Kestrel", "/x%2f%2e%2e/admin", Some("/x%2f../admin")),
        ] {
            assert_eq!(resolve(name, path).as_deref(), expected, "{name}: {path}");
        }
    }
}
