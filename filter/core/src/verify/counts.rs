//! What the verifications of a worker are counted as.

/// What was done to verify slow hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationCounts {
    /// Found in this worker's memory, so that no hash had to be computed.
    pub cache_hits: u64,
    /// Found in what the workers of the proxy share.
    pub shared_hits: u64,
    /// Found among the wrong credentials of late.
    pub failure_hits: u64,
    /// Found nowhere.
    pub cache_misses: u64,
    /// Checks that were begun.
    pub checks: u64,
    /// Requests that were held for a check.
    pub waited: u64,
    /// Those of them whose client went away.
    pub abandoned: u64,
}
