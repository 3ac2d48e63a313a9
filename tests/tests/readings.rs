//! Whatever spelling of a protected path an upstream could understand, it is protected; whatever
//! spelling passes by an exemption, every upstream understands as what is exempt.
//!
//! The upstreams are those of `fuzz/model`, which knows nothing of the filter's own readings.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_model::{Area, Choices, Guard, Spelling, resolutions};

const SPELLINGS: usize = 20_000;

/// Printed with a failure, and always the same: the failure can be repeated.
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// Marsaglia's xorshift64*.
struct Random(u64);

impl Choices for Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).unwrap_or_default() % count
    }
}

#[test]
fn no_spelling_passes_that_an_upstream_takes_for_a_protected_path() {
    let mut random = Random(SEED);
    let mut guards = Guard::all();
    let paths: Vec<&str> = Area::PROTECTED
        .iter()
        .chain(Area::OPEN)
        .flat_map(|area| area.samples)
        .copied()
        .collect();
    let mut holes = Vec::new();
    for index in 0..SPELLINGS {
        let Spelling(spelling) = Spelling::compose(paths[index % paths.len()], &mut random);
        let resolved = resolutions(&spelling);
        let found = guards
            .iter_mut()
            .filter_map(|guard| guard.check(&spelling, &resolved).err());
        holes.extend(found.map(|hole| hole.to_string()));
    }
    let count = holes.len();
    holes.sort_by_key(String::len);
    holes.truncate(20);
    assert!(
        holes.is_empty(),
        "seed {SEED:#x}: {count} holes, the shortest:\n{}",
        holes.join("\n")
    );
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
