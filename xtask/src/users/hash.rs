//! How a password is hashed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use basic_auth::HashCostCaps;

/// What one verification may take on this machine when the cost is chosen by measuring. A login in Envoy
/// takes about twice as long, since the check is made in slices.
const AIM: Duration = Duration::from_millis(60);

/// The least cost that OWASP's Password Storage Cheat Sheet names.
const LEAST_BCRYPT_COST: u32 = 10;

/// What bcrypt reads of a password; the filter refuses longer ones.
const MAX_BCRYPT_OCTETS: usize = 72;

/// Which format, and how costly.
#[derive(Debug, clap::Args)]
pub(super) struct Hashing {
    /// Hashes with Argon2id (19 MiB, two passes, as OWASP advises) instead of bcrypt
    #[arg(long, conflicts_with = "cost")]
    argon2: bool,
    /// bcrypt's cost, 10 to 15; else the highest that takes about 60 ms on this machine and that the
    /// filter accepts as it comes (12)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=15))]
    cost: Option<u32>,
}

impl Hashing {
    /// Refuses what a request could not send, or the format would cut.
    pub(super) fn check(&self, password: &str) -> anyhow::Result<()> {
        if password.is_empty() {
            bail!("the password is empty; nothing is written");
        }
        if password.chars().any(char::is_control) {
            // RFC 7617, 2.
            bail!(
                "the password has a control character, which no client may send; nothing is written"
            );
        }
        if !self.argon2 && password.len() > MAX_BCRYPT_OCTETS {
            bail!(
                "the password has over 72 octets, and bcrypt reads no more; nothing is written: use --argon2"
            );
        }
        Ok(())
    }

    /// The hash, and what it is in words.
    pub(super) fn hash(&self, password: &str) -> anyhow::Result<(String, String)> {
        if self.argon2 {
            return Ok((argon2id(password)?, "argon2id".to_owned()));
        }
        let cost = self.cost.map_or_else(measured_cost, Ok)?;
        let cap = HashCostCaps::DEFAULT.cap(basic_auth::Cost::Bcrypt);
        let mut description = format!("bcrypt, cost {cost}");
        if cost > cap {
            description += &format!(
                "; the filter accepts it with `\"max_hash_cost\": {{\"bcrypt\": {cost}}}`"
            );
        }
        let hash = bcrypt::hash(password, cost).context("bcrypt failed")?;
        Ok((hash, description))
    }
}

fn argon2id(password: &str) -> anyhow::Result<String> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
    let hash = argon2
        .hash_password(password.as_bytes())
        .context("Argon2 failed")?;
    Ok(hash.to_string())
}

/// The highest cost that is within the aim here. A step doubles the time.
fn measured_cost() -> anyhow::Result<u32> {
    let start = Instant::now();
    bcrypt::hash("measured", LEAST_BCRYPT_COST - 2).context("bcrypt failed")?;
    let mut expected = start.elapsed() * 4;
    let mut cost = LEAST_BCRYPT_COST;
    while cost < HashCostCaps::DEFAULT.cap(basic_auth::Cost::Bcrypt) && expected * 2 <= AIM {
        expected *= 2;
        cost += 1;
    }
    Ok(cost)
}
