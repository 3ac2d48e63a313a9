//! Any spelling of a path: what an upstream may resolve it to is protected.

#![no_main]

use std::cell::RefCell;

use basic_auth_model::{Guard, resolutions};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static GUARDS: RefCell<Vec<Guard>> = RefCell::new(Guard::all());
}

fuzz_target!(|path: &[u8]| {
    let resolved = resolutions(path);
    GUARDS.with_borrow_mut(|guards| {
        for guard in guards {
            if let Some(hole) = guard.hole(path, &resolved) {
                panic!("{hole}");
            }
            // A path without any reading in the model must not make the filter panic either.
            if resolved.is_empty() {
                guard.passes(path);
            }
        }
    });
});
