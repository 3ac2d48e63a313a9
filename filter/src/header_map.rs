//! Header maps as the host serialises them (Proxy-Wasm ABI 0.2.1): the number of pairs, the sizes
//! of each name and value, then the octets of each, closed by a NUL. Numbers are little-endian `u32`.

/// The fields of a serialised map, in order, read in place. Ends early if the map is cut short.
pub(crate) fn fields(map: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (count, rest) = number(map).unwrap_or((0, &[]));
    let (mut sizes, mut octets) = count
        .checked_mul(8)
        .and_then(|size| rest.split_at_checked(size))
        .unwrap_or((&[], &[]));
    std::iter::from_fn(move || {
        let (name_size, after_name) = number(sizes)?;
        let (value_size, after_value) = number(after_name)?;
        sizes = after_value;
        let (name, rest) = closed(octets, name_size)?;
        let (value, rest) = closed(rest, value_size)?;
        octets = rest;
        Some((name, value))
    })
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

fn number(octets: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = octets.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// `size` octets and the NUL after them.
fn closed(octets: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = octets.split_at_checked(size)?;
    Some((text, rest.split_first()?.1))
}

fn push_number(map: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    map.extend_from_slice(&number.to_le_bytes());
}
