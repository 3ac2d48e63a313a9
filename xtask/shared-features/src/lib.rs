//! Empty: only its dependencies matter.
