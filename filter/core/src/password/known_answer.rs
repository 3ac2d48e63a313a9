//! A known-answer check for each format: a self-test when configuring, and the first call of the
//! primitive, which pays for its compilation in the Wasm VM.

use super::Verifier;
use super::cost::HashCostCaps;
use super::format::Format;

const PASSWORD: &[u8] = b"known answer";
const OTHER_PASSWORD: &[u8] = b"known answer?";

/// Whether the format's verification accepts the right password of a hash of the lowest cost and
/// refuses another. Takes well under a millisecond per format, bcrypt about two.
pub fn known_answer_holds(format: Format) -> bool {
    Verifier::parse(hash(format), &HashCostCaps::DEFAULT).is_ok_and(|verifier| {
        verifier.format() == format
            && verifier.verify(PASSWORD) == (format != Format::Locked)
            && !verifier.verify(OTHER_PASSWORD)
    })
}

/// Hashes of [`PASSWORD`], made by Python's bcrypt, argon2-cffi, passlib and hashlib, and by libxcrypt.
pub(super) fn hash(format: Format) -> &'static [u8] {
    match format {
        Format::Bcrypt => b"$2b$04$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi",
        Format::Argon2id => {
            b"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$lwGO26pbaxV6AAvdcDp7XMBXoIM+tuDZcMRQLJkbRn8"
        }
        Format::Argon2i => {
            b"$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$op8nfb5HyVtNKI7jekwP4PyHnQXYWTEJGKXJ5Z7fMmw"
        }
        Format::Sha256Crypt => {
            b"$5$rounds=1000$.fNDNOenL3bdQZ4j$hsbMmcHcMjsvicOaiF.ncxxqZPbK24a20OTfe01Kpw6"
        }
        Format::Sha512Crypt => {
            b"$6$rounds=1000$yR90VfbtP7fLXaeb$Ztt6fLUz/YuYFjcxWxIniGXQOmj.4.9M/zxJmVsutM6u6TI6L2zR\
              gD9G86H9Ln.17/agucC5e5MyTNJ5YmDQW/"
        }
        Format::Scrypt => {
            b"$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ$KCL9Q+5K9WGh4//XJVil/A77zkdahMi+pXuXhlqfxkU"
        }
        Format::Yescrypt => b"$y$j1/$c2FsdHNhbHQ0$NoJxHjXlIq3QQEmJpWogWFgv3v8KVXLjEFlvAV0A4tB",
        Format::Pbkdf2Sha1 => b"$pbkdf2-sha1$i=1$c2FsdHNhbHQ$O/CK7RdzJnouuaYtzjlJj4dZ46s",
        Format::Pbkdf2Sha256 => {
            b"$pbkdf2-sha256$i=1$c2FsdHNhbHQ$PPxTK/60YzUzrgsNfEtoNAsvcPQTiBTfeNG5wm97vDY"
        }
        Format::Pbkdf2Sha512 => {
            b"$pbkdf2-sha512$i=1$c2FsdHNhbHQ$W/UssAAxuejo+IOAdPf4r5REtVJxczTf8MI7Fv3ded9JFCpwv9Pd+\
              hD+xMXRJ4eEFL1Q/YsTCCwVq4Hh08Z0Dw"
        }
        Format::Apr1 => b"$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1",
        Format::Md5Crypt => b"$1$saltsalt$vvCky5bDDvoZuHXerWdwR.",
        Format::Sha => b"{SHA}nJEupDMklqeBsMkX9+JmkTcaoP0=",
        Format::Ssha => b"{SSHA}ilnKC0H80uHzEpvULopewPdSMqBzYWx0",
        Format::Sha256 => b"{SHA256}IOGN2XUsTdiFJq+UuIZbwt9ceLdDECJ5qOutmk/QMnw=",
        Format::Ssha256 => b"{SSHA256}T+TdCBu5d6IUGxrnhfowVHXDBE0qvvLcLdPJiVVgk2JzYWx0",
        Format::Sha512 => {
            b"{SHA512}cmSssysfMBPwZVp45wqVaunaYN4Cpy1/+ZwMcZTt6JDEj1RorZdy1TIgBqAm3dAkrdBtyoovkBXR\
              QJd/bxOfSw=="
        }
        Format::Ssha512 => {
            b"{SSHA512}pdTkwBcQz5q1TrBfk5Hjpf6Fx/XxyuMpmjsrZCTchiB1nq6iMJLvSNt3AV5Gl5K0SRpQ2xFVeNq\
              lY2HdxF8gknNhbHQ="
        }
        Format::Plain => b"{PLAIN}known answer",
        Format::Locked => b"!$1$saltsalt$vvCky5bDDvoZuHXerWdwR.",
    }
}
