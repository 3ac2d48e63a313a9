//! What becomes of a request, and why.

use crate::realm::Realm;
use crate::redirect::Redirect;
use crate::request::{Challenger, CredentialsError};
use core::time::Duration;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Decision<'p> {
    /// It goes on upstream.
    Allow(Allowance<'p>),
    /// It is answered here.
    Deny(Denied<'p>),
}

/// Why a request goes on upstream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Allowance<'p> {
    /// No rule protects it.
    Unmatched,
    /// An exemption applies to it in all its readings.
    Exempt,
    /// It is a CORS preflight, and these may pass.
    Preflight,
    /// It has no credentials, and every rule that applies lets these pass.
    Missing,
    /// Its credentials are accepted by every rule that decides.
    Authenticated(UserName<'p>),
    /// It would have been denied, but the policy is a dry run.
    DryRun(Denied<'p>),
}

impl Allowance<'_> {
    /// The reason in snake case, for names of statistics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Allowance::Unmatched => "unmatched",
            Allowance::Exempt => "exempt",
            Allowance::Preflight => "preflight",
            Allowance::Missing => "missing",
            Allowance::Authenticated(_) => "authenticated",
            Allowance::DryRun(_) => "dry_run",
        }
    }
}

/// The name of a user whose password was verified, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserName<'p>(pub(crate) &'p [u8]);

impl<'p> UserName<'p> {
    /// Its octets, which need not be UTF-8.
    #[must_use]
    pub fn as_octets(self) -> &'p [u8] {
        self.0
    }
}

/// Why a request was denied. For logs and statistics: the client sees the same
/// challenge for all that are answered by 401, so that it does not learn which half was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// No value of the credentials' field.
    NoCredentials,
    /// Two or more values of the credentials' field: the upstream could read either.
    SeveralCredentials,
    /// Credentials of another scheme than `Basic`.
    OtherScheme,
    /// Not `Basic`, spaces, base64 of `user-id ":" password` (RFC 7617, 2).
    Malformed,
    /// No such user, or another password.
    Mismatch,
    /// A password that is too long for the hash that it would be compared with, and was not hashed: for
    /// bcrypt, over 72 octets.
    PasswordTooLong,
    /// The right password of a user whom the rule's `allow` leaves out.
    Forbidden,
    /// The verification budget is spent.
    Overloaded,
    /// It came over plain HTTP, and is sent to HTTPS before a password is asked for.
    InsecureTransport,
}

impl Denial {
    /// Every reason there is, for statistics.
    pub const ALL: [Denial; 9] = [
        Denial::NoCredentials,
        Denial::SeveralCredentials,
        Denial::OtherScheme,
        Denial::Malformed,
        Denial::Mismatch,
        Denial::PasswordTooLong,
        Denial::Forbidden,
        Denial::Overloaded,
        Denial::InsecureTransport,
    ];

    /// The response code details; those of Istio's extension where it knows the reason.
    #[must_use]
    pub fn details(self) -> &'static str {
        match self {
            Denial::NoCredentials => {
                "Request denied by Basic Auth check. No Basic Authentication information found."
            }
            Denial::SeveralCredentials => "Request denied by Basic Auth check. Several credentials",
            Denial::OtherScheme => {
                "Request denied by Basic Auth check. Other authentication scheme"
            }
            Denial::Malformed => "Request denied by Basic Auth check. Malformed credentials",
            Denial::Mismatch => {
                "Request denied by Basic Auth check. Invalid username and/or password"
            }
            Denial::PasswordTooLong => "Request denied by Basic Auth check. Password too long",
            Denial::Forbidden => "Request denied by Basic Auth check. User not allowed",
            Denial::Overloaded => {
                "Request denied by Basic Auth check. Verification budget exhausted"
            }
            Denial::InsecureTransport => "Request denied by Basic Auth check. Redirected to HTTPS",
        }
    }

    /// The reason in snake case, for names of statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Denial::NoCredentials => "no_credentials",
            Denial::SeveralCredentials => "several_credentials",
            Denial::OtherScheme => "other_scheme",
            Denial::Malformed => "malformed",
            Denial::Mismatch => "mismatch",
            Denial::PasswordTooLong => "password_too_long",
            Denial::Forbidden => "forbidden",
            Denial::Overloaded => "overloaded",
            Denial::InsecureTransport => "insecure_transport",
        }
    }
}

impl From<CredentialsError> for Denial {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Absent => Denial::NoCredentials,
            CredentialsError::Several => Denial::SeveralCredentials,
            CredentialsError::OtherScheme => Denial::OtherScheme,
            CredentialsError::Malformed | CredentialsError::Nothing => Denial::Malformed,
        }
    }
}

/// A denied request: why, and what the client is answered.
#[derive(Clone, Debug)]
pub struct Denied<'p> {
    /// Why.
    pub denial: Denial,
    /// Index in `basic_auth_rules` of the rule that denied.
    pub rule: usize,
    /// With [`Denial::Forbidden`]: whose password it was.
    pub user: Option<UserName<'p>>,
    pub(crate) challenger: Challenger,
    pub(crate) realm: &'p Realm,
    pub(crate) retry_after: Duration,
    pub(crate) redirect: Option<Redirect>,
}

impl<'p> Denied<'p> {
    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> u32 {
        match (self.denial, &self.redirect) {
            (_, Some(redirect)) => redirect.status,
            (Denial::Forbidden, _) => 403,
            (Denial::Overloaded, _) => 503,
            _ => self.challenger.status(),
        }
    }

    /// The field with the challenge, its name in lower case and its value, which a 401 and a 407
    /// must have (RFC 9110, 11.6.1 and 11.7.1).
    #[must_use]
    pub fn challenge(&self) -> Option<(&'static str, &'p str)> {
        let is_asked = self.status() == self.challenger.status();
        is_asked.then(|| (self.challenger.challenge_header(), self.realm.challenge()))
    }

    /// The status of gRPC that goes with the answer, where Envoy would find another by itself: it
    /// knows 401, but takes 407 for an unknown error.
    #[must_use]
    pub fn grpc_status(&self) -> Option<i32> {
        const UNAUTHENTICATED: i32 = 16;
        (self.status() == Challenger::Proxy.status()).then_some(UNAUTHENTICATED)
    }

    /// The value of `Location`, with a redirect.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        Some(&self.redirect.as_ref()?.location)
    }

    /// The value of `Retry-After` in seconds, with a 503: the next whole one, at which the budget
    /// surely has something left.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        (self.status() == 503).then(|| self.retry_after.as_secs() + 1)
    }
}
