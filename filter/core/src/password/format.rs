//! The formats of stored password hashes.

use core::fmt;

/// The format of a stored password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// bcrypt: `$2a$`, `$2b$`, `$2y$`.
    Bcrypt,
    /// Argon2id (RFC 9106) as a PHC string: `$argon2id$`.
    Argon2id,
    /// Argon2i (RFC 9106) as a PHC string: `$argon2i$`.
    Argon2i,
    /// SHA-256-crypt: `$5$`.
    Sha256Crypt,
    /// SHA-512-crypt: `$6$`.
    Sha512Crypt,
    /// scrypt (RFC 7914): `$scrypt$` as a PHC string, `$7$` as crypt writes it.
    Scrypt,
    /// yescrypt: `$y$`.
    Yescrypt,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-1: `$pbkdf2$`, `$pbkdf2-sha1$`.
    Pbkdf2Sha1,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-256: `$pbkdf2-sha256$`.
    Pbkdf2Sha256,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-512: `$pbkdf2-sha512$`.
    Pbkdf2Sha512,
    /// MD5-crypt as Apache's `htpasswd` writes it: `$apr1$`.
    Apr1,
    /// MD5-crypt: `$1$`.
    Md5Crypt,
    /// One SHA-1 without salt: `{SHA}`.
    Sha,
    /// One SHA-1 with salt: `{SSHA}`.
    Ssha,
    /// One SHA-256 without salt: `{SHA256}`.
    Sha256,
    /// One SHA-256 with salt: `{SSHA256}`.
    Ssha256,
    /// One SHA-512 without salt: `{SHA512}`.
    Sha512,
    /// One SHA-512 with salt: `{SSHA512}`.
    Ssha512,
    /// The password itself: `{PLAIN}`, and Istio's `credentials`.
    Plain,
    /// No password matches: `*`, or anything that starts with `!`.
    Locked,
}

impl Format {
    /// Every format, in the order of the enum.
    pub const ALL: [Self; 20] = [
        Self::Bcrypt,
        Self::Argon2id,
        Self::Argon2i,
        Self::Sha256Crypt,
        Self::Sha512Crypt,
        Self::Scrypt,
        Self::Yescrypt,
        Self::Pbkdf2Sha1,
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha512,
        Self::Apr1,
        Self::Md5Crypt,
        Self::Sha,
        Self::Ssha,
        Self::Sha256,
        Self::Ssha256,
        Self::Sha512,
        Self::Ssha512,
        Self::Plain,
        Self::Locked,
    ];

    /// The name for logs and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Sha256Crypt => "sha256-crypt",
            Self::Sha512Crypt => "sha512-crypt",
            Self::Scrypt => "scrypt",
            Self::Yescrypt => "yescrypt",
            Self::Pbkdf2Sha1 => "pbkdf2-sha1",
            Self::Pbkdf2Sha256 => "pbkdf2-sha256",
            Self::Pbkdf2Sha512 => "pbkdf2-sha512",
            Self::Apr1 => "apr1",
            Self::Md5Crypt => "md5-crypt",
            Self::Sha => "{SHA}",
            Self::Ssha => "{SSHA}",
            Self::Sha256 => "{SHA256}",
            Self::Ssha256 => "{SSHA256}",
            Self::Sha512 => "{SHA512}",
            Self::Ssha512 => "{SSHA512}",
            Self::Plain => "{PLAIN}",
            Self::Locked => "locked",
        }
    }

    /// Whether the password can be guessed quickly by whoever gets hold of the stored hash: MD5,
    /// a single round of SHA, or no hash at all.
    pub fn is_weak(self) -> bool {
        match self {
            Self::Apr1 | Self::Md5Crypt | Self::Plain => true,
            Self::Sha | Self::Sha256 | Self::Sha512 => true,
            Self::Ssha | Self::Ssha256 | Self::Ssha512 => true,
            Self::Bcrypt | Self::Argon2id | Self::Argon2i | Self::Scrypt | Self::Yescrypt => false,
            Self::Sha256Crypt | Self::Sha512Crypt => false,
            Self::Pbkdf2Sha1 | Self::Pbkdf2Sha256 | Self::Pbkdf2Sha512 => false,
            Self::Locked => false,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
