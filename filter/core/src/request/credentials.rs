//! The credentials in a field value (RFC 7617, 2).

use super::FieldValues;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The longest field value that is looked at, in octets.
const MAX_FIELD_VALUE: usize = 8 * 1024;

/// The longest `user-id ":" password` that such a value can hold.
pub(crate) const MAX_USER_ID_AND_PASSWORD: usize = (MAX_FIELD_VALUE - "Basic ".len()) / 4 * 3;

/// Why there are no credentials to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialsError {
    /// No value of the field.
    Absent,
    /// Two or more values of the field: the upstream could read either.
    Several,
    /// An empty user name and an empty password: what skopeo and podman send when they have none.
    Nothing,
    /// Another scheme than `Basic`.
    OtherScheme,
    /// Not `Basic`, spaces, base64 of `user-id ":" password` (RFC 7617, 2).
    Malformed,
}

/// A user name and a password as a client sent them.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    /// No `:` (RFC 7617, 2), no control character. Empty only with Istio's `credentials`.
    pub(crate) user_name: &'a [u8],
    /// No control character. Empty only with Istio's `credentials`.
    pub(crate) password: &'a [u8],
}

impl<'a> Credentials<'a> {
    /// Reads the field's only value; decodes it into `buffer`.
    ///
    /// # Errors
    /// Why there are none.
    #[inline]
    pub(crate) fn parse(
        values: FieldValues<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Credentials<'a>, CredentialsError> {
        let value = match values {
            FieldValues::Absent => return Err(CredentialsError::Absent),
            FieldValues::Several => return Err(CredentialsError::Several),
            FieldValues::One(value) => value,
        };
        if value.len() > MAX_FIELD_VALUE {
            return Err(CredentialsError::Malformed);
        }
        let token = basic_token(value)?;
        decode(token, buffer)?;
        if buffer == b":" {
            return Err(CredentialsError::Nothing);
        }
        Self::split(buffer).ok_or(CredentialsError::Malformed)
    }

    /// Splits at the first colon: a user name has none, a password may.
    #[inline]
    pub(crate) fn split(decoded: &'a [u8]) -> Option<Self> {
        let colon = decoded.iter().position(|&octet| octet == b':')?;
        let (user_name, rest) = decoded.split_at_checked(colon)?;
        let (_, password) = rest.split_first()?;
        let is_valid = !decoded.iter().any(u8::is_ascii_control);
        is_valid.then_some(Self {
            user_name,
            password,
        })
    }
}

/// What follows the scheme and its spaces: `credentials = auth-scheme 1*SP token68` (RFC 9110, 11.4).
fn basic_token(value: &[u8]) -> Result<&[u8], CredentialsError> {
    let (scheme, rest) = split_scheme(value);
    let is_basic = scheme.eq_ignore_ascii_case(b"Basic");
    if is_basic && matches!(rest, [] | [b' ', ..]) {
        let spaces = rest.iter().take_while(|&&octet| octet == b' ').count();
        let token = rest.split_at_checked(spaces);
        return Ok(token.map_or(rest, |(_, token)| token));
    }
    // Envoy joins several fields by commas, and some upstreams look for `Basic` wherever it stands.
    let words = value.split(|&octet| octet == b',' || octet.is_ascii_whitespace());
    let has_basic = |word: &[u8]| split_scheme(word).0.eq_ignore_ascii_case(b"Basic");
    // `/Basic\s+(.*)$/i`, which many PHP applications look for.
    let is_basic_within = |window: &[u8]| {
        window.split_last().is_some_and(|(last, word)| {
            word.eq_ignore_ascii_case(b"Basic") && !last.is_ascii_graphic()
        })
    };
    Err(if words.skip(1).any(has_basic) {
        CredentialsError::Several
    } else if scheme.is_empty() || scheme.get(..5).is_some_and(has_basic) {
        // An upstream that takes a tab, what looks like a blank, or nothing for the space reads a password here
        // that nobody has checked.
        CredentialsError::Malformed
    } else if value.windows(6).any(is_basic_within) {
        CredentialsError::Several
    } else {
        CredentialsError::OtherScheme
    })
}

/// The scheme, and what follows it.
fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let is_in_scheme = |octet: &u8| octet.is_ascii_graphic() && !b",:;=\"".contains(octet);
    let end = value.iter().position(|octet| !is_in_scheme(octet));
    end.and_then(|end| value.split_at_checked(end))
        .unwrap_or((value, &[]))
}

/// Decodes base64 of the standard alphabet, with its padding or with none.
fn decode(token: &[u8], buffer: &mut Vec<u8>) -> Result<(), CredentialsError> {
    let digits = match token {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if token.len().is_multiple_of(4) => digits,
        _ => token,
    };
    buffer.clear();
    STANDARD_NO_PAD
        .decode_vec(digits, buffer)
        .map_err(|_| CredentialsError::Malformed)
}
