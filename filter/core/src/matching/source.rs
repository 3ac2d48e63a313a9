//! The addresses that a rule applies to.

use super::certainty::Certainty;
use core::cell::OnceCell;
use core::fmt;
use core::net::IpAddr;
use ipnet::{IpNet, Ipv4Net};

/// Where a request comes from: asked for only where a rule depends on it, and once.
pub struct SourceAddress<'a> {
    ask: &'a dyn Fn() -> Option<IpAddr>,
    answer: OnceCell<Option<IpAddr>>,
}

impl<'a> SourceAddress<'a> {
    /// `ask` tells the address, if it is known.
    pub fn new(ask: &'a dyn Fn() -> Option<IpAddr>) -> Self {
        Self {
            ask,
            answer: OnceCell::new(),
        }
    }

    /// The address; one of IPv4 that is mapped into IPv6 as that of IPv4 (RFC 4291, 2.5.5.2).
    pub(crate) fn known(&self) -> Option<IpAddr> {
        let ask = || (self.ask)().map(|address| address.to_canonical());
        *self.answer.get_or_init(ask)
    }
}

impl Default for SourceAddress<'_> {
    fn default() -> Self {
        Self::new(&|| None)
    }
}

impl fmt::Debug for SourceAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answer.fmt(f)
    }
}

/// Why a block of addresses is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// Neither an address nor a block in CIDR notation (RFC 4632, 3.1).
    NotABlock,
    /// Bits are set behind the prefix.
    BitsBehindPrefix,
    /// The unspecified address (RFC 4291, 2.5.2), which no client has.
    Unspecified,
}

/// Reads an address, or a block of addresses in CIDR notation.
///
/// # Errors
/// [`BlockError`].
pub(crate) fn parse_block(text: &str) -> Result<IpNet, BlockError> {
    let block: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().into(),
        Err(_) => text.parse().map_err(|_| BlockError::NotABlock)?,
    };
    if block.trunc() != block {
        return Err(BlockError::BitsBehindPrefix);
    }
    if block.addr().is_unspecified() && block.prefix_len() == block.max_prefix_len() {
        return Err(BlockError::Unspecified);
    }
    Ok(of_ipv4(block).unwrap_or(block))
}

/// A block of IPv4 addresses that are mapped into IPv6 (RFC 4291, 2.5.5.2), which requests never have.
fn of_ipv4(block: IpNet) -> Option<IpNet> {
    let IpNet::V6(block) = block else {
        return None;
    };
    let length = block.prefix_len().checked_sub(96)?;
    let block = Ipv4Net::new(block.addr().to_ipv4_mapped()?, length);
    block.ok().map(IpNet::V4)
}

/// Whether an address is in one of these blocks. No block means any address.
pub(super) fn certainty(blocks: &[IpNet], source: &SourceAddress<'_>) -> Option<Certainty> {
    if blocks.is_empty() {
        return Some(Certainty::Certain);
    }
    match source.known() {
        None => Some(Certainty::Possible),
        Some(address) => blocks
            .iter()
            .any(|block| block.contains(&address))
            .then_some(Certainty::Certain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_what_it_means() {
        for text in [
            "10.0.0.0/8",
            "10.1.2.3",
            "::1",
            "2001:db8::/32",
            "0.0.0.0/0",
            "10.1.2.3/32",
        ] {
            assert!(parse_block(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "office",
            "10.0.0.0/8 ",
            "10.0.0.0-10.0.0.9",
            "/8",
        ] {
            assert_eq!(parse_block(text), Err(BlockError::NotABlock), "{text}");
        }
        assert_eq!(parse_block("10.0.0.1/8"), Err(BlockError::BitsBehindPrefix));
    }

    #[test]
    fn a_mapped_address_is_that_of_ipv4() {
        let blocks = [parse_block("10.0.0.0/8").expect("a block")];
        let ask = || Some("::ffff:10.1.2.3".parse().expect("an address"));
        assert_eq!(
            certainty(&blocks, &SourceAddress::new(&ask)),
            Some(Certainty::Certain)
        );
        let ask = || Some("11.1.2.3".parse().expect("an address"));
        assert_eq!(certainty(&blocks, &SourceAddress::new(&ask)), None);
        assert_eq!(
            parse_block("::ffff:10.0.0.0/104"),
            parse_block("10.0.0.0/8")
        );
        assert_eq!(
            certainty(&blocks, &SourceAddress::default()),
            Some(Certainty::Possible)
        );
    }
}
