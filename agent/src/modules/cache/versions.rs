//! The resource versions that tags were used under. They change with every push of every resource, so they are kept
//! in memory and written with a delay, many at a time; losing some costs a request each.

use std::collections::{HashMap, HashSet};

use super::record::{SourceId, Tag, Wanted};

/// What is not in the records yet, or is in them too.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// By source, then by tag and resource.
    noted: HashMap<SourceId, HashMap<(String, String), String>>,
    unwritten: HashSet<SourceId>,
}

impl Versions {
    /// The version that a resource used the tag under.
    pub(super) fn find<'a>(&'a self, wanted: &Wanted, tag: &'a Tag) -> Option<&'a String> {
        let key = (wanted.tag.clone()?, wanted.resource.clone());
        let noted = self
            .noted
            .get(&wanted.source)
            .and_then(|noted| noted.get(&key));
        noted.or_else(|| tag.versions.get(&wanted.resource))
    }

    /// Notes that the tag was used under the resource's version. It is written only where it matters.
    pub(super) fn note(&mut self, wanted: &Wanted) {
        let Some(tag) = wanted.tag.clone() else {
            return;
        };
        let noted = self.noted.entry(wanted.source.clone()).or_default();
        let before = noted.insert((tag, wanted.resource.clone()), wanted.version.clone());
        if wanted.asks_again && before.as_ref() != Some(&wanted.version) {
            self.unwritten.insert(wanted.source.clone());
        }
    }

    /// What is noted of a source's tag.
    pub(super) fn of_tag<'a>(
        &'a self,
        source: &SourceId,
        tag: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a String)> {
        let noted = self.noted.get(source).into_iter().flatten();
        noted
            .filter_map(move |((of, resource), version)| (of == tag).then_some((resource, version)))
    }

    /// The sources whose records lack something.
    pub(super) fn take_unwritten(&mut self) -> HashSet<SourceId> {
        std::mem::take(&mut self.unwritten)
    }

    /// Forgets sources that `is_kept` does not say to keep.
    pub(super) fn forget(&mut self, is_kept: impl Fn(&SourceId) -> bool) {
        self.noted.retain(|source, _| is_kept(source));
    }
}
