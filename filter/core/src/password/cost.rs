//! What one verification may cost.

use super::error::HashError;
use super::memory::MAX_TABLE_KIB;

/// What the cost of a hash is counted in. Each has a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cost {
    /// bcrypt's cost: the binary logarithm of the number of key expansions.
    Bcrypt,
    /// Argon2's memory in KiB.
    Argon2Memory,
    /// Argon2's memory in KiB times its number of passes.
    Argon2MemoryTimesPasses,
    /// The binary logarithm of scrypt's N, for r = 8 and p = 1.
    ScryptLogN,
    /// The binary logarithm of yescrypt's N, for r = 32.
    YescryptLogN,
    /// The rounds of SHA-crypt.
    ShaCryptRounds,
    /// The iterations of PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1Iterations,
    /// The iterations of PBKDF2 with HMAC-SHA-256.
    Pbkdf2Sha256Iterations,
    /// The iterations of PBKDF2 with HMAC-SHA-512.
    Pbkdf2Sha512Iterations,
}

impl Cost {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 9] = [
        Self::Bcrypt,
        Self::Argon2Memory,
        Self::Argon2MemoryTimesPasses,
        Self::ScryptLogN,
        Self::YescryptLogN,
        Self::ShaCryptRounds,
        Self::Pbkdf2Sha1Iterations,
        Self::Pbkdf2Sha256Iterations,
        Self::Pbkdf2Sha512Iterations,
    ];

    /// The key under `max_hash_cost`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Argon2Memory => "argon2_memory_kib",
            Self::Argon2MemoryTimesPasses => "argon2_memory_times_passes",
            Self::ScryptLogN => "scrypt_log_n",
            Self::YescryptLogN => "yescrypt_log_n",
            Self::ShaCryptRounds => "sha_crypt_rounds",
            Self::Pbkdf2Sha1Iterations => "pbkdf2_sha1_iterations",
            Self::Pbkdf2Sha256Iterations => "pbkdf2_sha256_iterations",
            Self::Pbkdf2Sha512Iterations => "pbkdf2_sha512_iterations",
        }
    }

    /// What an error calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt cost",
            Self::Argon2Memory => "argon2 memory in KiB of",
            Self::Argon2MemoryTimesPasses => "argon2 memory in KiB times passes of",
            Self::ScryptLogN => "scrypt ln (at r=8, p=1) of",
            Self::YescryptLogN => "yescrypt log₂ N (at r=32) of",
            Self::ShaCryptRounds => "sha-crypt rounds of",
            Self::Pbkdf2Sha1Iterations => "pbkdf2-sha1 iterations of",
            Self::Pbkdf2Sha256Iterations => "pbkdf2-sha256 iterations of",
            Self::Pbkdf2Sha512Iterations => "pbkdf2-sha512 iterations of",
        }
    }
}

/// The highest cost of a hash that is accepted, per format.
///
/// With the defaults one verification of a usual password takes less than about 250 ms in the Wasm
/// VM. Memory has a bound that no cap raises: 65 MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashCostCaps {
    /// bcrypt's cost. Each step doubles the time.
    pub bcrypt: u32,
    /// Argon2's memory `m` in KiB.
    pub argon2_memory_kib: u32,
    /// Argon2's memory `m` in KiB times its passes `t`.
    pub argon2_memory_times_passes: u32,
    /// scrypt's `ln` for r = 8 and p = 1. With others, N × r × p may be as high as with these.
    pub scrypt_log_n: u32,
    /// The binary logarithm of yescrypt's N for r = 32: 12 for what `passwd` writes. With another r,
    /// N × r may be as high as with this.
    pub yescrypt_log_n: u32,
    /// The rounds of `$5$` and `$6$`.
    pub sha_crypt_rounds: u32,
    /// The iterations of `$pbkdf2$`.
    pub pbkdf2_sha1_iterations: u32,
    /// The iterations of `$pbkdf2-sha256$`.
    pub pbkdf2_sha256_iterations: u32,
    /// The iterations of `$pbkdf2-sha512$`.
    pub pbkdf2_sha512_iterations: u32,
}

impl HashCostCaps {
    /// What is accepted unless configured otherwise: up to about 400 ms on the machine of docs/performance.md.
    pub const DEFAULT: Self = Self {
        bcrypt: 12,
        argon2_memory_kib: MAX_TABLE_KIB,
        argon2_memory_times_passes: 400_000,
        scrypt_log_n: 16,
        yescrypt_log_n: 14,
        sha_crypt_rounds: 500_000,
        pbkdf2_sha1_iterations: 1_300_000,
        pbkdf2_sha256_iterations: 1_000_000,
        pbkdf2_sha512_iterations: 400_000,
    };

    /// What the caps can be raised to: up to about three seconds there, which a worker is stalled for by what cannot be cut.
    pub const MAXIMUM: Self = Self {
        bcrypt: 15,
        argon2_memory_kib: MAX_TABLE_KIB,
        argon2_memory_times_passes: 3_200_000,
        scrypt_log_n: 19,
        yescrypt_log_n: 14,
        sha_crypt_rounds: 4_000_000,
        pbkdf2_sha1_iterations: 10_400_000,
        pbkdf2_sha256_iterations: 7_200_000,
        pbkdf2_sha512_iterations: 3_200_000,
    };

    /// The cap of one cost.
    pub fn cap(&self, cost: Cost) -> u32 {
        match cost {
            Cost::Bcrypt => self.bcrypt,
            Cost::Argon2Memory => self.argon2_memory_kib,
            Cost::Argon2MemoryTimesPasses => self.argon2_memory_times_passes,
            Cost::ScryptLogN => self.scrypt_log_n,
            Cost::YescryptLogN => self.yescrypt_log_n,
            Cost::ShaCryptRounds => self.sha_crypt_rounds,
            Cost::Pbkdf2Sha1Iterations => self.pbkdf2_sha1_iterations,
            Cost::Pbkdf2Sha256Iterations => self.pbkdf2_sha256_iterations,
            Cost::Pbkdf2Sha512Iterations => self.pbkdf2_sha512_iterations,
        }
    }

    /// Raises or lowers the cap of one cost.
    pub fn set(&mut self, cost: Cost, cap: u32) {
        *match cost {
            Cost::Bcrypt => &mut self.bcrypt,
            Cost::Argon2Memory => &mut self.argon2_memory_kib,
            Cost::Argon2MemoryTimesPasses => &mut self.argon2_memory_times_passes,
            Cost::ScryptLogN => &mut self.scrypt_log_n,
            Cost::YescryptLogN => &mut self.yescrypt_log_n,
            Cost::ShaCryptRounds => &mut self.sha_crypt_rounds,
            Cost::Pbkdf2Sha1Iterations => &mut self.pbkdf2_sha1_iterations,
            Cost::Pbkdf2Sha256Iterations => &mut self.pbkdf2_sha256_iterations,
            Cost::Pbkdf2Sha512Iterations => &mut self.pbkdf2_sha512_iterations,
        } = cap;
    }

    pub(super) fn check(&self, cost: Cost, value: u64) -> Result<(), HashError> {
        let maximum = Self::MAXIMUM.cap(cost);
        if value > u64::from(maximum) {
            return Err(HashError::AboveMaximum {
                cost,
                value,
                maximum,
            });
        }
        let cap = self.cap(cost);
        if value > u64::from(cap) {
            return Err(HashError::AboveCap { cost, value, cap });
        }
        Ok(())
    }
}

impl Default for HashCostCaps {
    fn default() -> Self {
        Self::DEFAULT
    }
}
