//! Whether a rule that protects lets a request pass.

use crate::decision::{Denial, UserName};
use crate::matching::SourceAddress;
use crate::request::{Credentials, CredentialsError, Record};
use crate::rule::Protection;
use crate::trace::Trace;
use crate::verify::{Refusal, Verifications};
use core::time::Duration;

/// Why a rule does not let a request pass.
pub(super) struct Objection<'p> {
    pub(super) denial: Denial,
    /// With [`Denial::Forbidden`].
    pub(super) user: Option<UserName<'p>>,
    /// With [`Denial::Overloaded`] and [`Denial::ClientOverloaded`].
    pub(super) retry_after: Duration,
}

impl From<Denial> for Objection<'_> {
    fn from(denial: Denial) -> Self {
        let retry_after = Duration::ZERO;
        Self {
            denial,
            user: None,
            retry_after,
        }
    }
}

impl From<Refusal> for Objection<'_> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Mismatch => Denial::Mismatch.into(),
            Refusal::TooLong => Denial::PasswordTooLong.into(),
            Refusal::Empty => Denial::Malformed.into(),
            Refusal::Overloaded { retry_after } => Self {
                denial: Denial::Overloaded,
                user: None,
                retry_after,
            },
            Refusal::ClientOverloaded { retry_after } => Self {
                denial: Denial::ClientOverloaded,
                user: None,
                retry_after,
            },
            // What it waits for comes beside this.
            Refusal::Held => Denial::Overloaded.into(),
        }
    }
}

impl Protection {
    /// Whether these credentials may pass, and as whom: nobody where none are needed.
    #[inline]
    pub(super) fn admit<'p>(
        &'p self,
        credentials: Result<Credentials<'_>, CredentialsError>,
        source: &SourceAddress<'_>,
        verifications: &mut Verifications,
        trace: &mut impl Trace,
    ) -> Result<Option<UserName<'p>>, Objection<'p>> {
        let Credentials {
            user_name,
            password,
        } = match credentials {
            Err(CredentialsError::Absent | CredentialsError::Nothing) if self.allows_missing => {
                return Ok(None);
            }
            Err(CredentialsError::OtherScheme) if self.allows_other_schemes => return Ok(None),
            Err(error) => return Err(Denial::from(error).into()),
            Ok(credentials) => credentials,
        };
        let user = trace.authenticate(&self.users, user_name, password, source, verifications)?;
        self.let_in(UserName(user)).map(Some)
    }

    /// The user whom an earlier look at the stream left in its record, if the list still has the
    /// password that was proved then.
    pub(super) fn recognise(&self, record: Option<&Record<'_>>) -> Option<UserName<'_>> {
        let record = record?;
        let user = self.users.recognise(record.user_name(), record.proofs());
        user.map(UserName)
    }

    /// Whether `allow` has a user whose password was proved.
    pub(super) fn let_in<'p>(&self, user: UserName<'p>) -> Result<UserName<'p>, Objection<'p>> {
        match &self.allowed {
            Some(allowed) if !allowed.contains(user.as_octets()) => Err(Objection {
                user: Some(user),
                ..Denial::Forbidden.into()
            }),
            _ => Ok(user),
        }
    }
}
