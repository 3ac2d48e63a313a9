//! Whatever spelling of a protected path an upstream could understand, it is protected; whatever
//! spelling passes by an exemption, every upstream understands as what is exempt.
//!
//! The upstreams are those of `fuzz/model`, which knows nothing of the filter's own readings.

#![cfg(not(target_arch = "wasm32"))]

use std::thread;

use basic_auth_model::{Area, Choices, Guard, Spelling, resolutions};

const SPELLINGS: usize = 20_000;

/// How many search at the same time; each has a seed of its own.
const THREADS: u64 = 4;

/// Printed with a failure, and always the same: the failure can be repeated.
const SEED: u64 = 7617;

struct Random(fastrand::Rng);

impl Choices for Random {
    fn below(&mut self, count: usize) -> usize {
        self.0.usize(..count)
    }
}

#[test]
fn no_spelling_passes_that_an_upstream_takes_for_a_protected_path() {
    let seeds: Vec<u64> = (0..THREADS).map(|thread| SEED ^ thread).collect();
    let mut holes: Vec<String> = thread::scope(|scope| {
        let searches: Vec<_> = seeds
            .iter()
            .map(|seed| scope.spawn(|| holes(*seed)))
            .collect();
        let found = searches.into_iter().map(|search| search.join().unwrap());
        found.flatten().collect()
    });
    let count = holes.len();
    holes.sort_by_key(String::len);
    holes.truncate(20);
    assert!(
        holes.is_empty(),
        "seeds {seeds:x?}: {count} holes, the shortest:\n{}",
        holes.join("\n")
    );
}

/// What a share of the spellings gets past the filter.
fn holes(seed: u64) -> Vec<String> {
    let mut random = Random(fastrand::Rng::with_seed(seed));
    let mut guards = Guard::all();
    let areas = Area::PROTECTED.iter().chain(Area::OPEN);
    let paths: Vec<&str> = areas.flat_map(|area| area.samples).copied().collect();
    let mut holes = Vec::new();
    for path in paths.iter().cycle().take(SPELLINGS / THREADS as usize) {
        let Spelling(spelling) = Spelling::compose(path, &mut random);
        let resolved = resolutions(&spelling);
        let found = guards
            .iter_mut()
            .filter_map(|guard| guard.hole(&spelling, &resolved));
        holes.extend(found.map(|hole| hole.to_string()));
    }
    holes
}

/// Without this, a filter that denies everything would do.
#[test]
fn what_is_outside_of_an_area_passes() {
    for mut guard in Guard::all() {
        let area = guard.area();
        let is_open = Area::OPEN.iter().any(|open| open.text == area.text);
        let outside = if is_open {
            area.samples
        } else {
            &["/", "/else"]
        };
        for path in outside {
            assert!(guard.passes(path.as_bytes()), "{area:?}: {path}");
        }
    }
}
