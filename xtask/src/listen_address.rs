//! The values of `--listen`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// Where to listen, resolved: `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`, `:8000` for every
/// address of this machine, and `8000` for the loopback one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// As it was written.
    text: String,
    /// At least one. The one to try first stands first.
    addresses: Vec<SocketAddr>,
}

impl ListenAddress {
    /// The address to try first.
    pub fn first(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Whether it leaves the port to the system.
    pub fn is_of_any_port(&self) -> bool {
        self.first().port() == 0
    }

    /// A socket that listens there.
    pub fn bind(&self) -> anyhow::Result<TcpListener> {
        TcpListener::bind(self.addresses.as_slice())
            .with_context(|| format!("cannot listen on {self}: choose another with `--listen`"))
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self {
            text: address.to_string(),
            addresses: vec![address],
        }
    }
}

impl FromStr for ListenAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = || format!("`{text}` is none of 127.0.0.1:8000, localhost:8000, :8000 and 8000");
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (Some(host), port),
            None => (None, text),
        };
        let port: u16 = port.parse().with_context(form)?;
        let mut addresses: Vec<SocketAddr> = match host {
            None => vec![(Ipv4Addr::LOCALHOST, port).into()],
            Some("" | "*") => vec![(Ipv4Addr::UNSPECIFIED, port).into()],
            Some(host) => {
                let inner = host
                    .strip_prefix('[')
                    .and_then(|host| host.strip_suffix(']'));
                let resolved = (inner.unwrap_or(host), port).to_socket_addrs();
                resolved
                    .with_context(|| format!("`{host}` has no address"))?
                    .collect()
            }
        };
        if addresses.is_empty() {
            bail!(form());
        }
        // `localhost` is both, and more clients know the older one.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        Ok(Self {
            text: text.to_owned(),
            addresses,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        text.parse::<ListenAddress>().unwrap().first().to_string()
    }

    #[test]
    fn every_usual_form_is_understood() {
        for (text, expected) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("[::1]:8000", "[::1]:8000"),
            ("localhost:8000", "127.0.0.1:8000"),
            (":8000", "0.0.0.0:8000"),
            ("*:8000", "0.0.0.0:8000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("8000", "127.0.0.1:8000"),
        ] {
            assert_eq!(first(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:",
            "1:99999",
            "8000:",
        ] {
            let error = text.parse::<ListenAddress>().unwrap_err().to_string();
            let expected =
                format!("`{text}` is none of 127.0.0.1:8000, localhost:8000, :8000 and 8000");
            assert_eq!(error, expected);
        }
        let error = "no such host:1".parse::<ListenAddress>().unwrap_err();
        assert_eq!(error.to_string(), "`no such host` has no address");
    }
}
