//! What a decision tells of its steps to whoever asks.

use crate::decision::{Denial, UserName};
use crate::matching::{SourceAddress, Subject};
use crate::verify::{Refusal, UserStore, Verifications};

/// Is told the steps of a decision. What is not overridden does nothing and leaves no code behind: the
/// module decides with [`Untraced`].
pub(crate) trait Trace {
    /// What of the request says which rules apply.
    #[inline]
    fn subject(&mut self, _subject: &Subject<'_>) {}

    /// Which exemption was selected, or which rules decide.
    #[inline]
    fn selected(&mut self, _exemption: Option<usize>, _deciding: &[usize]) {}

    /// What a rule says to the credentials.
    #[inline]
    fn admitted(&mut self, _rule: usize, _admitted: Result<&Option<UserName<'_>>, Denial>) {}

    /// Whose credentials these are, by their password.
    ///
    /// # Errors
    /// As [`UserStore::authenticate`].
    #[inline]
    fn authenticate<'p>(
        &mut self,
        users: &'p UserStore,
        user_name: &[u8],
        password: &[u8],
        source: &SourceAddress<'_>,
        verifications: &mut Verifications,
    ) -> Result<&'p [u8], Refusal> {
        users.authenticate(user_name, password, &|| source.known(), verifications)
    }
}

/// Nobody asks.
pub(crate) struct Untraced;

impl Trace for Untraced {}
