//! The host's shared data, which all workers of a proxy have in common under one `vm_id`.

use crate::hostcalls;
use basic_auth::SharedStore;

/// What the core remembers there. A host without shared data keeps nothing.
pub(crate) fn store() -> SharedStore {
    SharedStore::new(hostcalls::shared_data, |key, value, number| {
        hostcalls::set_shared_data(key, value, number).is_ok()
    })
}
