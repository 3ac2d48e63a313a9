//! Addresses that are never connected to, whatever a URL, a redirect or a resolver says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Never connected to: "this host", link-local addresses, and the metadata services of Alibaba, Amazon, Azure,
/// Google and Oracle, which would hand credentials of the machine to whoever writes a URL.
const ALWAYS_BLOCKED: &[&str] = &[
    "0.0.0.0/8",
    "169.254.0.0/16",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "::/128",
    "fe80::/10",
    "fd00:ec2::/32",
    "fd20:ce::/32",
];

/// Names of metadata services. A proxy would resolve them where the agent cannot see the address.
const BLOCKED_NAMES: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
];

/// Decides which addresses are connected to. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    blocked: Arc<[IpNet]>,
}

/// An address that is not connected to.
#[derive(Debug)]
pub(super) struct Blocked(String);

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is an address that is never connected to (`--block-cidr` adds more)",
            self.0
        )
    }
}

impl std::error::Error for Blocked {}

impl Guard {
    /// Blocks `more` beside what is always blocked.
    pub(super) fn new(more: &[IpNet]) -> Self {
        let always = ALWAYS_BLOCKED.iter().filter_map(|net| net.parse().ok());
        Self {
            blocked: always.chain(more.iter().copied()).collect(),
        }
    }

    /// Whether `address`, or the IPv4 address in it, is blocked.
    pub(super) fn blocks(&self, address: IpAddr) -> bool {
        spellings(address).any(|address| self.blocked.iter().any(|net| net.contains(&address)))
    }

    /// Refuses a URL whose host is a blocked address in any spelling, or a name of a metadata service.
    pub(super) fn check(&self, url: &Url) -> Result<(), Blocked> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                return if BLOCKED_NAMES.contains(&name) {
                    Err(Blocked(name.to_owned()))
                } else {
                    Ok(())
                };
            }
            None => return Ok(()),
        };
        if self.blocks(address) {
            Err(Blocked(address.to_string()))
        } else {
            Ok(())
        }
    }
}

/// The address, and the IPv4 addresses that a host may take it for: mapped, compatible, NAT64, 6to4.
fn spellings(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let (embedded, translated) = match address {
        IpAddr::V4(_) => (None, None),
        IpAddr::V6(address) => (embedded_v4(address), translated_v4(address)),
    };
    // No translator has a "this host": a 0 in front is part of another prefix.
    let translated = translated.into_iter().flatten();
    let translated = translated.filter(|address| address.octets()[0] != 0);
    let more = embedded.into_iter().chain(translated);
    std::iter::once(address).chain(more.map(IpAddr::V4))
}

/// The IPv4 addresses that a translator of a network's own (RFC 8215) may take `address` for: its prefix has 48, 56
/// or 64 bits, and the octet behind 64 bits stays out of it (RFC 6052, 2.2).
fn translated_v4(address: Ipv6Addr) -> Option<[Ipv4Addr; 3]> {
    let [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, a, b, _, c, d, e, f, ..] = address.octets() else {
        return None;
    };
    Some([
        Ipv4Addr::new(a, b, c, d),
        Ipv4Addr::new(b, c, d, e),
        Ipv4Addr::new(c, d, e, f),
    ])
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] if (high, low) > (0, 1) => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        [0x64, 0xff9b, ..] => Some(Ipv4Addr::new(a, b, c, d)),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

/// Whether only a private network or this machine has `address`.
pub(super) fn is_private(address: IpAddr) -> bool {
    spellings(address).any(|address| match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    })
}

/// Where a request may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// Whatever is not blocked.
    NotBlocked,
    /// What is neither blocked nor private.
    Public,
}

/// Resolves names, and leaves out what is not to be connected to. What the HTTP client connects to comes from
/// here, so that no second answer of a name server slips in between check and connection.
#[derive(Clone, Debug)]
pub(super) struct GuardedResolver {
    pub(super) guard: Guard,
    pub(super) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| resolver.allows(address.ip()))
                .collect();
            match (found.first(), allowed.is_empty()) {
                (Some(first), true) => {
                    Err(Blocked(format!("{} ({})", name.as_str(), first.ip())).into())
                }
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

impl GuardedResolver {
    fn allows(&self, address: IpAddr) -> bool {
        !self.guard.blocks(address) && (self.reach == Reach::NotBlocked || !is_private(address))
    }
}

#[cfg(test)]
mod tests;
