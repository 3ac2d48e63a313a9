//! Who asks for the password: the server that the client means, or a proxy on the way to it.

/// Whose challenge it is (RFC 9110, 11.6 and 11.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenger {
    /// The server: credentials are in `Authorization`, or in a field of the operator's own.
    Server,
    /// A proxy: credentials are in `Proxy-Authorization`.
    Proxy,
}

impl Challenger {
    pub(super) fn of(authentication_header: &str) -> Self {
        match authentication_header {
            "proxy-authorization" => Challenger::Proxy,
            _ => Challenger::Server,
        }
    }

    /// The status code of an answer with a challenge.
    #[must_use]
    pub fn status(self) -> u32 {
        match self {
            Challenger::Server => 401,
            Challenger::Proxy => 407,
        }
    }

    /// The name of the field with the challenge, in lower case.
    #[must_use]
    pub fn challenge_header(self) -> &'static str {
        match self {
            Challenger::Server => "www-authenticate",
            Challenger::Proxy => "proxy-authenticate",
        }
    }
}
