//! yescrypt (Openwall's; the default of Debian's `passwd` and `mkpasswd`): `$y$j9T$` salt `$` digest.

use core::hint::black_box;

use ::yescrypt::{Mode, Params};
use subtle::ConstantTimeEq;

use super::check::Check;
use super::cost::{Cost, HashCostCaps};
use super::encoding::{crypt_number, decode_crypt};
use super::error::{HashError, Part};
use super::fields::Fields;
use super::format::Format;
use super::memory::{check_memory, is_memory_available};

/// The block size that makes a hash what [`Cost::YescryptLogN`] counts.
const USUAL_R: u64 = 32;

#[derive(Clone)]
pub(super) struct Yescrypt {
    params: Params,
    salt: Box<[u8]>,
    /// yescrypt's output of fewer octets is the start of that of more: only 32 are accepted, so that
    /// no hash is a cut one.
    digest: [u8; 32],
}

impl Yescrypt {
    /// Parses what follows `$y$`.
    pub(super) fn parse(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        let [params, salt, digest] = fields.exactly().ok_or(malformed(
            Part::Fields,
            "three after the prefix: parameters, salt, digest",
        ))?;
        let params = parse_params(params).ok_or(malformed(
            Part::Parameters,
            "`j`, N and r, three characters as `passwd` writes them, with r to 48",
        ))?;
        check_memory(Format::Yescrypt, table_octets(&params), Some(0))?;
        caps.check(Cost::YescryptLogN, log_n(&params))?;
        Ok(Self {
            params,
            salt: decode_crypt(salt)
                .filter(|salt| (1..=64).contains(&salt.len()))
                .ok_or(malformed(
                    Part::Salt,
                    "1 to 64 octets in crypt's base64, no bits over",
                ))?
                .into(),
            digest: decode_crypt(digest)
                .and_then(|digest| digest.try_into().ok())
                .ok_or(malformed(
                    Part::Digest,
                    "43 characters of crypt's base64, no bits over",
                ))?,
        })
    }

    /// One step: the crate cannot be stopped amid its memory.
    pub(super) fn begin(&self, password: &[u8]) -> Check {
        let stored = self.clone();
        Check::in_one_step(password, move |password| stored.is_match(password))
    }

    fn is_match(&self, password: &[u8]) -> bool {
        // Behind a black box, or its loops would be inlined here and compiled for size.
        let yescrypt: fn(&[u8], &[u8], &Params, &mut [u8]) -> _ = ::yescrypt::yescrypt;
        let yescrypt = black_box(yescrypt);
        let mut output = [0; 32];
        // Beside the table, a few blocks and substitution boxes of 12 KiB.
        let octets = table_octets(&self.params).map(|octets| octets + 64 * 1024);
        octets.is_some_and(is_memory_available)
            && yescrypt(password, &self.salt, &self.params, &mut output).is_ok()
            && bool::from(output.ct_eq(&self.digest))
    }

    pub(super) fn microseconds(&self) -> u64 {
        self.params.n() * u64::from(self.params.r()) * 4 / 10
    }
}

/// The parameters as `passwd` and `mkpasswd` write them: the flavour that is the default, N and r.
/// Others, such as for parallel lanes, are for hashes that nobody makes.
fn parse_params(text: &[u8]) -> Option<Params> {
    let [b'j', log_n, r] = text else {
        return None;
    };
    // From 48 on, a number has more digits.
    let number = |digit: &u8| crypt_number(&[*digit]).filter(|value| *value < 48);
    let (log_n, r) = (number(log_n)? + 1, number(r)? + 1);
    Params::new(Mode::Rw, 1 << log_n, r, 1).ok()
}

/// The octets of the table V, 128 × r × N. `None` if they are more than can be counted.
fn table_octets(params: &Params) -> Option<u64> {
    (128 * u64::from(params.r())).checked_mul(params.n())
}

/// The binary logarithm of the N that costs at least as much with r = 32.
fn log_n(params: &Params) -> u64 {
    let work = params.n() * u64::from(params.r());
    work.div_ceil(USUAL_R).next_power_of_two().ilog2().into()
}

fn malformed(part: Part, expected: &'static str) -> HashError {
    HashError::malformed(Format::Yescrypt, part, expected)
}
