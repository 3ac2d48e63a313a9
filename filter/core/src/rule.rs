//! One rule: which requests it is about, and whom it lets pass.

use crate::credentials::Credentials;
use crate::decision::Denial;
use crate::host::{Host, HostPattern};
use crate::method::Methods;
use crate::names::Names;
use crate::path::Readings;
use crate::pattern::{Effect, PathPattern};
use crate::realm::Realm;
use crate::users::UserStore;
use crate::worker::Verifications;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// How surely a rule is about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// By one reading of the request, and not by another.
    Possible,
    /// By every reading of it.
    Certain,
}

/// One of the `basic_auth_rules`.
#[derive(Debug)]
pub(crate) struct Rule {
    /// None listed means any.
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) path: PathPattern,
    pub(crate) methods: Methods,
    pub(crate) effect: Effect,
    pub(crate) realm: Rc<Realm>,
    /// Who is known here.
    pub(crate) users: Rc<UserStore>,
    /// Who of them may pass; `None` for everyone.
    pub(crate) allowed: Option<Allowed>,
    pub(crate) allows_missing: bool,
}

/// A rule's `allow`. Groups are held once for all rules.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) users: Names,
    pub(crate) groups: Vec<Rc<Names>>,
}

impl Allowed {
    fn contains(&self, user: &[u8]) -> bool {
        self.users.contains(user) || self.groups.iter().any(|group| group.contains(user))
    }
}

/// What of a request says whether a rule is about it.
pub(crate) struct Subject<'r> {
    pub(crate) readings: Readings<'r>,
    pub(crate) host: Host<'r>,
    pub(crate) method: Option<&'r [u8]>,
}

impl Rule {
    /// Whether the rule is about this request, and how surely.
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> Option<Certainty> {
        let host = self.matches_host(&subject.host)?;
        let method = self.methods.matches(subject.method)?;
        let path = self.path.matches(&subject.readings)?;
        Some(host.min(method).min(path))
    }

    /// Whether these credentials may pass, and as whom.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit<'p>(
        &'p self,
        credentials: Credentials<'_>,
        worker: &mut Verifications,
    ) -> Result<&'p [u8], Denial> {
        let user = self.users.authenticate(credentials, worker)?;
        match &self.allowed {
            Some(allowed) if !allowed.contains(user) => Err(Denial::Forbidden),
            _ => Ok(user),
        }
    }

    fn matches_host(&self, host: &Host<'_>) -> Option<Certainty> {
        if self.hosts.is_empty() || self.hosts.contains(&HostPattern::Any) {
            return Some(Certainty::Certain);
        }
        match host {
            Host::Any => Some(Certainty::Possible),
            Host::Known(host) => self
                .hosts
                .iter()
                .filter_map(|pattern| pattern.matches(host.text()))
                .max(),
        }
    }
}
