//! What of a request the decision depends on.

use crate::policy::Policy;

/// Fields by which some upstreams let a client override the method.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// The fields of one request, as octets: nothing here needs to be UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// `:method`.
    pub method: Option<&'a [u8]>,
    /// Has a field by which some upstreams let a client override the method, such as
    /// `X-HTTP-Method-Override`: it could be any.
    pub overrides_method: bool,
    /// `:authority`, or the `Host` of HTTP/1.1.
    pub authority: Option<&'a [u8]>,
    /// `:path`, with its query.
    pub path: Option<&'a [u8]>,
    /// The values of [`Policy::authentication_header`](crate::Policy::authentication_header).
    pub credentials: FieldValues<'a>,
    /// Has both `Origin` and `Access-Control-Request-Method` (Fetch standard, 3.2.2).
    pub is_cors_preflight: bool,
}

impl<'a> Request<'a> {
    /// What a decision needs of these fields, whose names are in lower case.
    pub fn of(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, policy: &Policy) -> Self {
        let credentials_name = policy.authentication_header().as_bytes();
        let mut request = Request::default();
        let (mut has_origin, mut has_requested_method) = (false, false);
        for (name, value) in fields {
            match name {
                b":method" => request.method = Some(value),
                b":authority" => request.authority = Some(value),
                b":path" => request.path = Some(value),
                b"origin" => has_origin = true,
                b"access-control-request-method" => has_requested_method = true,
                [b'x', ..] => request.overrides_method |= overrides_method(name),
                _ => {}
            }
            if name == credentials_name {
                request.credentials = request.credentials.and(value);
            }
        }
        request.is_cors_preflight = has_origin && has_requested_method;
        request
    }
}

fn overrides_method(name: &[u8]) -> bool {
    METHOD_OVERRIDES
        .iter()
        .any(|known| is_spelling_of(name, known))
}

/// Whether an upstream could take a field name for another: in any case, and with anything else than
/// letters and digits in the place of each other. CGI (RFC 3875, 4.1.18) has `_` for `-`, some
/// servers have it for every such character.
#[must_use]
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

/// The values of one field: one is what RFC 9110, 11.6.2 allows for credentials.
#[derive(Clone, Copy, Debug, Default)]
pub enum FieldValues<'a> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is there once.
    One(&'a [u8]),
    /// The field is there twice or more.
    Several,
}

impl<'a> FieldValues<'a> {
    /// With one more value of the field.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        match self {
            FieldValues::Absent => FieldValues::One(value),
            FieldValues::One(_) | FieldValues::Several => FieldValues::Several,
        }
    }
}

impl<'a> FromIterator<&'a [u8]> for FieldValues<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        values
            .into_iter()
            .fold(FieldValues::Absent, FieldValues::and)
    }
}
