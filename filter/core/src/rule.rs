//! One rule: which requests it applies to, and whom it lets pass.

use crate::matching::Scope;
use crate::realm::Realm;
use crate::verify::{Allowed, UserStore};
use alloc::rc::Rc;

/// One of the `basic_auth_rules`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) scope: Scope,
    pub(crate) effect: Effect,
}

/// What a rule does to the requests that it applies to.
#[derive(Debug)]
pub(crate) enum Effect {
    /// They need credentials.
    Protect(Protection),
    /// They pass without.
    Exempt,
}

/// What a rule asks for.
#[derive(Debug)]
pub(crate) struct Protection {
    pub(crate) realm: Rc<Realm>,
    /// Who is known here.
    pub(crate) users: Rc<UserStore>,
    /// Who of them may pass; `None` for everyone.
    pub(crate) allowed: Option<Allowed>,
    /// A request without credentials passes.
    pub(crate) allows_missing: bool,
    /// A request with credentials of another scheme than `Basic` passes.
    pub(crate) allows_other_schemes: bool,
}

impl Rule {
    /// What it asks for, unless it exempts.
    pub(crate) fn protection(&self) -> Option<&Protection> {
        match &self.effect {
            Effect::Protect(protection) => Some(protection),
            Effect::Exempt => None,
        }
    }
}
