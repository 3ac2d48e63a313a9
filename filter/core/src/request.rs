//! What of a request the decision depends on, and its credentials.

mod challenger;
mod credentials;
mod field_names;
mod stream_memory;

pub use challenger::Challenger;
pub(crate) use credentials::{Credentials, CredentialsError, MAX_USER_ID_AND_PASSWORD};
pub use field_names::{FieldNames, is_spelling_of};
pub use stream_memory::{Record, StreamMemory};

use crate::matching::SourceAddress;
use alloc::vec::Vec;

/// The fields of one request, as octets: nothing here needs to be UTF-8.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `:method`.
    pub method: Option<&'a [u8]>,
    /// Has a field by which some upstreams let a client override the method, such as
    /// `X-HTTP-Method-Override`: it could be any.
    pub overrides_method: bool,
    /// `:authority`, or the `Host` of HTTP/1.1.
    pub authority: Option<&'a [u8]>,
    /// Lists of authorities, separated by commas, that some upstreams take in its place, such as
    /// `X-Forwarded-Host`.
    pub other_authorities: Vec<&'a [u8]>,
    /// `:path`, with its query.
    pub path: Option<&'a [u8]>,
    /// Has a field by which some upstreams let a client move the path, such as `SCRIPT_NAME`: it
    /// could be any.
    pub overrides_path: bool,
    /// The values of `Destination`: `COPY` and `MOVE` write to that path (RFC 4918, 10.3).
    pub destination: FieldValues<'a>,
    /// The values of the field that credentials are read from.
    pub credentials: FieldValues<'a>,
    /// Where it comes from.
    pub source: SourceAddress<'a>,
    /// What it has proved already.
    pub memory: StreamMemory<'a>,
    /// `:scheme`
    pub scheme: Option<&'a [u8]>,
    /// Has both `Origin` and `Access-Control-Request-Method` (Fetch standard, 3.2.2).
    pub is_cors_preflight: bool,
}

impl<'a> Request<'a> {
    /// What a decision needs of these fields, whose names are in lower case.
    #[inline]
    pub fn of(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, names: &FieldNames) -> Self {
        let mut request = Request::default();
        let (mut has_origin, mut has_requested_method) = (false, false);
        let mut could_be_any = false;
        for (name, value) in fields {
            match name {
                b":method" => request.method = Some(value),
                b":authority" => request.authority = Some(value),
                b":scheme" => request.scheme = Some(value),
                b":path" => request.path = Some(value),
                b"destination" => request.destination = request.destination.and(value),
                b"origin" => has_origin = true,
                b"access-control-request-method" => has_requested_method = true,
                b"forwarded" => request.other_authorities.extend(forwarded_hosts(value)),
                [b'x', ..] => {
                    request.overrides_method |= field_names::overrides_method(name);
                    if is_spelling_of(name, "x-forwarded-host") {
                        request.other_authorities.push(value);
                    }
                }
                _ => {}
            }
            request.overrides_path |= names.overrides_path(name);
            could_be_any |=
                matches!(name, [b'f' | b'x', ..]) && field_names::goes_on_in_url(name, value);
            if is_spelling_of(name, names.authentication_header()) {
                let is_it = name == names.authentication_header().as_bytes();
                // An upstream that reads this as the same field could read either.
                request.credentials = if is_it {
                    request.credentials.and(value)
                } else {
                    FieldValues::Several
                };
            }
        }
        if could_be_any {
            // Any path of any host.
            request.overrides_path = true;
            request.authority = None;
        }
        request.is_cors_preflight = has_origin && has_requested_method;
        request
    }
}

/// What the parameters `host` of a `Forwarded` field could be (RFC 7239, 4 and 5.3). A quoted one
/// that has a separator in it is cut there, and so is no host.
fn forwarded_hosts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|octet| matches!(octet, b',' | b';'))
        .filter_map(host_parameter)
        .map(|value| {
            let unquoted = value
                .strip_prefix(b"\"")
                .and_then(|value| value.strip_suffix(b"\""));
            unquoted.unwrap_or(value)
        })
}

/// What follows `host=`. Rack lets blanks stand around the `=`, and Spring searches for the name, so that
/// it may be the end of another.
fn host_parameter(pair: &[u8]) -> Option<&[u8]> {
    let mut signs = pair.iter().enumerate().filter(|(_, octet)| **octet == b'=');
    signs.find_map(|(at, _)| {
        let (name, value) = pair.split_at_checked(at)?;
        let end = name.trim_ascii_end().last_chunk::<4>()?;
        let value = value.strip_prefix(b"=")?.trim_ascii();
        end.eq_ignore_ascii_case(b"host").then_some(value)
    })
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
