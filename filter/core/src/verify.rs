//! Is it the user: user lists, what is remembered of verifications, the budget for them, the worker.

mod budget;
mod cache;
mod recognition;
mod users;
mod verifications;
mod worker;

pub(crate) use budget::BudgetLimits;
pub(crate) use cache::CacheLimits;
pub(crate) use users::{Allowed, OtherPassword, UserStore};
pub use verifications::VerificationCounts;
pub(crate) use verifications::{Refusal, Verifications};
pub use worker::{Worker, WorkerLimits};
