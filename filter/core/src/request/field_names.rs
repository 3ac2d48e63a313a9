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
/// Daphne; frameworks on IIS and old ones of PHP.
const PATH_OVERRIDES: [&str; 5] = [
    "script_name",
    "x-script-name",
    "daphne-root-path",
    "x-original-url",
    "x-rewrite-url",
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

/// Whether an upstream could take a field name for another: in any case, and also with `_`, `.` or
/// another character that is neither letter nor digit where the other has `-`. CGI has `_` for `-`
/// (RFC 3875, 4.1.18), some servers have it for every such character.
#[must_use]
#[inline]
pub fn is_spelling_of(name: &[u8], other: &str) -> bool {
    let same = |octet: &u8| {
        if octet.is_ascii_alphanumeric() {
            octet.to_ascii_lowercase()
        } else {
            b'-'
        }
    };
    name.len() == other.len() && name.iter().map(same).eq(other.as_bytes().iter().map(same))
}
