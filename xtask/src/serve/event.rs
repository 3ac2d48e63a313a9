//! What happens to a module server, as lines of its log.

use std::fmt;
use std::net::SocketAddr;

use hyper::{Method, StatusCode};

use crate::module::Digest;

/// Something that happened. Displays as a line of the log, or several.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was answered.
    Answered(Download),
    /// Another module has taken the place of the newest.
    NewBuild {
        /// Its digest.
        digest: Digest,
        /// What to put into Envoy's configuration to load it.
        snippet: String,
    },
    /// Another certificate is at work.
    CertificateRenewed,
    /// Something that the operator may want to change.
    Warning(String),
}

/// One answered request.
#[derive(Clone, Debug)]
pub struct Download {
    /// The client's address.
    pub client: SocketAddr,
    /// The request's method.
    pub method: Method,
    /// The path that was asked for.
    pub path: String,
    /// The answer's status.
    pub status: StatusCode,
    /// The length of the answer's body.
    pub bytes: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(download) => download.fmt(formatter),
            Self::NewBuild { digest, snippet } => write!(
                formatter,
                "# A new build: {digest}\n# For Envoy's configuration:\n{snippet}"
            ),
            Self::CertificateRenewed => formatter.write_str("# The renewed certificate is at work"),
            Self::Warning(text) => write!(formatter, "# Warning: {}", Printable(text)),
        }
    }
}

impl fmt::Display for Download {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            method,
            path,
            status,
            bytes,
        } = self;
        let (method, path) = (Printable(method.as_str()), Printable(path));
        write!(
            formatter,
            "{client} {method} {path} {} {bytes}",
            status.as_str()
        )
    }
}

/// A text of a client's, with escapes for what is not printable: it must neither move the cursor of
/// a terminal nor turn the direction of a line.
struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quotes are printable, and a line of the log has none around the text.
        let parts = self.0.split_inclusive(['"', '\'']);
        parts
            .map(|part| {
                part.strip_suffix(['"', '\''])
                    .map_or((part, ""), |text| (text, &part[text.len()..]))
            })
            .try_for_each(|(text, quote)| write!(formatter, "{}{quote}", text.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::Printable;

    #[test]
    fn what_is_not_printable_is_escaped() {
        for (text, expected) in [
            ("/a'b\"c", "/a'b\"c"),
            ("/\u{9b}31m\u{202e}\u{7f}", r"/\u{9b}31m\u{202e}\u{7f}"),
            ("/\r\n\t\u{1b}[2J", r"/\r\n\t\u{1b}[2J"),
            (r"/\u{9b}", r"/\\u{9b}"),
            ("/é漢", "/é漢"),
        ] {
            assert_eq!(Printable(text).to_string(), expected);
        }
    }
}
