//! The names of the fields that a decision looks at, and their spellings.

use super::Challenger;
use alloc::string::String;
use alloc::vec::Vec;

/// Fields by which some upstreams let a client override the method.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Fields by which some upstreams let a client move the path: gunicorn, applications with Flask's snippet 35,
/// Plack's ReverseProxyPath, Daphne; frameworks on IIS and old ones of PHP.
const PATH_OVERRIDES: [&str; 6] = [
    "script_name",
    "x-script-name",
    "x-traversal-path",
    "daphne-root-path",
    "x-original-url",
    "x-rewrite-url",
];

/// Fields with a part of the URL that a proxy in front was asked for.
const PARTS_OF_URL: [&str; 6] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-protocol",
];

/// The names that are configured, in lower case.
#[derive(Debug)]
pub struct FieldNames {
    authentication_header: String,
    path_overrides: Vec<String>,
    /// The lengths of these, as bits: most names differ from all of them in this.
    path_override_lengths: u64,
}

impl FieldNames {
    pub(crate) fn new(
        authentication_header: Option<String>,
        path_overrides: Option<Vec<String>>,
    ) -> Self {
        let path_overrides = path_overrides.unwrap_or_else(|| {
            PATH_OVERRIDES
                .iter()
                .map(|name| String::from(*name))
                .collect()
        });
        let lengths = path_overrides.iter().map(|name| length_bit(name.len()));
        Self {
            authentication_header: authentication_header.unwrap_or_else(|| "authorization".into()),
            path_override_lengths: lengths.fold(0, |bits, bit| bits | bit),
            path_overrides,
        }
    }

    /// The fields that move the path by default and, if others are configured, do not.
    #[cfg(feature = "analysis")]
    pub(crate) fn defaults_left_out(&self) -> Vec<&'static str> {
        let names = self.path_overrides.iter();
        let is_left_out = |known: &&str| {
            names.len() > 0
                && !names
                    .clone()
                    .any(|name| is_spelling_of(name.as_bytes(), known))
        };
        PATH_OVERRIDES
            .into_iter()
            .filter(|known| is_left_out(known))
            .collect()
    }

    /// The name of the field that credentials are read from.
    #[must_use]
    #[inline]
    pub fn authentication_header(&self) -> &str {
        &self.authentication_header
    }

    /// Who asks for the password, as the field with the credentials tells.
    pub(crate) fn challenger(&self) -> Challenger {
        Challenger::of(&self.authentication_header)
    }

    /// Whether an upstream could take a field for one that moves the path.
    #[inline]
    pub(super) fn overrides_path(&self, name: &[u8]) -> bool {
        let mut overrides = self.path_overrides.iter();
        self.path_override_lengths & length_bit(name.len()) != 0
            && overrides.any(|known| is_spelling_of(name, known))
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    1 << (length % 64)
}

/// Whether an upstream could take a field for one that overrides the method.
#[inline]
pub(super) fn overrides_method(name: &[u8]) -> bool {
    METHOD_OVERRIDES
        .iter()
        .any(|known| is_spelling_of(name, known))
}

/// Whether an upstream could take a field for a part of the URL that a proxy was asked for, and the value ends that
/// part and goes on with the next ones. Astro, Remix and others put a URL together from such fields and the
/// path, and read its path.
#[inline(never)]
pub(super) fn goes_on_in_url(name: &[u8], value: &[u8]) -> bool {
    let mut parts = PARTS_OF_URL.iter();
    let part = parts.position(|known| is_spelling_of(name, known));
    // A scheme and a port have no colon.
    let ends: &[u8] = match part {
        None => return false,
        Some(0) => b"/\\?#",
        Some(1) => b"/\\?#@",
        Some(_) => b"/\\?#@:",
    };
    value.iter().any(|octet| ends.contains(octet))
}

/// Whether an upstream could take a field name for another: in any case, and also with `_`, `.` or
/// another character that is neither letter nor digit where the other has `-`. CGI has `_` for `-`
/// (RFC 3875, 4.1.18), some servers have it for every such character.
#[must_use]
#[inline]
pub fn is_spelling_of(name: &[u8], other: &str) -> bool {
    name.len() == other.len() && has_same_letters(name, other)
}

/// Apart, since it is needed in many places and seldom called.
#[inline(never)]
fn has_same_letters(name: &[u8], other: &str) -> bool {
    let same = |octet: &u8| {
        if octet.is_ascii_alphanumeric() {
            octet.to_ascii_lowercase()
        } else {
            b'-'
        }
    };
    name.iter().map(same).eq(other.as_bytes().iter().map(same))
}
