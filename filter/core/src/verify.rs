//! Is it the user: user lists, what is remembered of verifications, the budget for them, who waits
//! for them, the worker.

mod budget;
mod cache;
mod clients;
mod counts;
mod failures;
mod job;
mod queue;
mod recognition;
mod shared;
mod users;
mod verifications;
mod worker;

pub(crate) use budget::BudgetLimits;
pub(crate) use cache::CacheLimits;
pub use counts::VerificationCounts;
pub use queue::{Held, Ready};
pub use shared::SharedStore;
pub(crate) use users::{Allowed, OtherPassword, UserStore};
pub(crate) use verifications::{Refusal, Verifications};
pub use worker::{Worker, WorkerLimits};
