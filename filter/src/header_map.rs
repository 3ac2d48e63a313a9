//! Header maps as the host serialises them (Proxy-Wasm ABI 0.2.1): the number of pairs, the sizes
//! of each name and value, then the octets of each, closed by a NUL. Numbers are little-endian `u32`.

use proxy_wasm::hostcalls as sdk;
use proxy_wasm::types::MapType;

/// A serialised map, read in place.
pub(crate) struct HeaderMap<'m> {
    /// Of each pair, the size of its name and that of its value.
    sizes: &'m [[[u8; 4]; 2]],
    /// As many as the sizes say.
    octets: &'m [u8],
}

impl<'m> HeaderMap<'m> {
    /// `None` if the map has not just the size that it says.
    #[inline]
    pub(crate) fn parse(map: &'m [u8]) -> Option<Self> {
        let (count, rest) = map.split_first_chunk::<4>()?;
        let numbers = size(*count).checked_mul(8)?;
        let (sizes, octets) = rest.split_at_checked(numbers)?;
        let sizes = sizes.as_chunks().0.as_chunks().0;
        let expected = sizes.iter().flatten().try_fold(0_usize, |sum, number| {
            sum.checked_add(size(*number))?.checked_add(1)
        })?;
        (octets.len() == expected).then_some(Self { sizes, octets })
    }

    /// The fields, in order.
    #[inline]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> + use<'m> {
        let mut octets = self.octets;
        self.sizes.iter().map_while(move |[name, value]| {
            let (name, rest) = closed(octets, size(*name))?;
            let (value, rest) = closed(rest, size(*value))?;
            octets = rest;
            Some((name, value))
        })
    }
}

/// Removes every field of this name; `None` if that failed.
#[inline(never)]
pub(crate) fn remove(map: MapType, name: &[u8]) -> Option<()> {
    sdk::remove_map_value(map, std::str::from_utf8(name).ok()?).ok()
}

/// Serialises fields.
pub(crate) fn serialise(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut map = Vec::new();
    push_number(&mut map, fields.len());
    for (name, value) in fields {
        push_number(&mut map, name.len());
        push_number(&mut map, value.len());
    }
    for (name, value) in fields {
        map.extend_from_slice(name.as_bytes());
        map.push(0);
        map.extend_from_slice(value.as_bytes());
        map.push(0);
    }
    map
}

#[inline]
fn size(number: [u8; 4]) -> usize {
    // As wide as the memory's addresses.
    u32::from_le_bytes(number) as usize
}

/// `size` octets, and what is behind the NUL after them.
#[inline]
fn closed(octets: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = octets.split_at_checked(size)?;
    Some((text, rest.split_first()?.1))
}

fn push_number(map: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    map.extend_from_slice(&number.to_le_bytes());
}
