//! What a stream that was let through may show at a second look, when its credentials are gone.

use super::Policy;
use crate::decision::UserName;
use crate::request::Record;
use crate::rule::Rule;
use crate::verify::Worker;
use alloc::vec::Vec;

impl Policy {
    /// Whether a later look at the same stream may miss what this one saw or set.
    #[must_use]
    pub fn remembers_streams(&self) -> bool {
        self.options.hides_credentials || self.options.forward_username_header.is_some()
    }

    /// What to keep with the stream of a request that was just decided: that `user` has proved the
    /// password to each list of the rules that decided. To be kept where no client can put anything. `None` if
    /// what was kept before is to stay.
    #[must_use]
    pub fn record(&self, user: UserName<'_>, worker: &Worker) -> Option<Vec<u8>> {
        let rules = worker
            .deciding
            .iter()
            .filter_map(|&index| self.rules.get(index));
        let protections = rules.filter_map(Rule::protection);
        let proofs = protections.filter_map(|protection| protection.users.proof(user.as_octets()));
        let mut proofs: Vec<_> = proofs.collect();
        proofs.dedup();
        proofs.truncate(usize::from(u8::MAX));
        if proofs.is_empty() {
            return None;
        }
        Record::serialise(&proofs, user.as_octets())
    }
}
