//! The fields of a hash between `$`, and the numbers in them.

/// The fields of a hash that are still to be read.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    /// `None` when the last one was read.
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// The fields after the `$` that a hash starts with.
    pub(super) fn after_dollar(hash: &'a [u8]) -> Self {
        Self {
            rest: hash.strip_prefix(b"$"),
        }
    }

    /// The fields of a hash that starts without a `$`, or of what follows its label.
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { rest: Some(text) }
    }

    /// The next field, if it starts with `prefix`: what follows the prefix.
    pub(super) fn next_if(&mut self, prefix: &[u8]) -> Option<&'a [u8]> {
        let rest = self.rest?.strip_prefix(prefix)?;
        self.rest = Some(rest);
        self.next()
    }

    /// The remaining fields, if there are exactly so many.
    pub(super) fn exactly<const N: usize>(mut self) -> Option<[&'a [u8]; N]> {
        let mut fields = [&[][..]; N];
        for field in &mut fields {
            *field = self.next()?;
        }
        self.rest.is_none().then_some(fields)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let (field, after) = split_at(rest, b'$').map_or((rest, None), |(a, b)| (a, Some(b)));
        self.rest = after;
        Some(field)
    }
}

/// What stands before and after the first `separator`.
pub(super) fn split_at(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|octet| *octet == separator)?;
    let (before, from) = text.split_at_checked(position)?;
    Some((before, from.strip_prefix(&[separator])?))
}

/// A decimal number in its one spelling: no sign, no leading zero.
pub(super) fn decimal(text: &[u8]) -> Option<u32> {
    match text {
        [] | [b'0', _, ..] => None,
        _ => text.iter().try_fold(0_u32, |number, octet| {
            let digit = octet.is_ascii_digit().then(|| u32::from(octet - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        }),
    }
}

/// The values of exactly these parameters in exactly this order: `m=8,t=1,p=1`.
pub(super) fn parameters<const N: usize>(text: &[u8], names: [&[u8]; N]) -> Option<[u32; N]> {
    let mut values = [0; N];
    let mut parts = text.split(|octet| *octet == b',');
    for (value, name) in values.iter_mut().zip(names) {
        let (found, number) = split_at(parts.next()?, b'=')?;
        *value = (found == name).then(|| decimal(number))??;
    }
    parts.next().is_none().then_some(values)
}

/// The same in any order, each exactly once.
pub(super) fn parameters_in_any_order<const N: usize>(
    text: &[u8],
    names: [&[u8]; N],
) -> Option<[u32; N]> {
    let mut values = [None; N];
    for part in text.split(|octet| *octet == b',') {
        let (found, number) = split_at(part, b'=')?;
        let place = names.iter().position(|name| *name == found)?;
        let value = values.get_mut(place).filter(|value| value.is_none())?;
        *value = Some(decimal(number)?);
    }
    let mut all = [0; N];
    for (place, value) in all.iter_mut().zip(values) {
        *place = value?;
    }
    Some(all)
}

/// Whether a salt that is hashed as it is written can stand in a hash: up to `limit` printable
/// characters, none of them a separator.
pub(super) fn is_salt_text(salt: &[u8], limit: usize) -> bool {
    salt.len() <= limit
        && salt
            .iter()
            .all(|octet| octet.is_ascii_graphic() && *octet != b':')
}
