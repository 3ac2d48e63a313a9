//! Protobuf on the wire: fields are read in place, so that what the agent does not know stays as it is.
//!
//! Whatever Envoy could read in another way than the agent is refused: this reader is stricter than protobuf's.

use std::borrow::Cow;
use std::ops::Range;

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A field ends after the message.
    #[error("truncated protobuf")]
    Truncated,
    /// A field number or wire type that does not exist, or is spelled in more octets than it needs.
    #[error("malformed protobuf tag")]
    Tag,
    /// A number of more than 64 bits, or a length of more than 31.
    #[error("malformed protobuf number")]
    Number,
    /// Groups that are nested too deeply or do not match.
    #[error("malformed protobuf group")]
    Group,
    /// A text that is not UTF-8.
    #[error("protobuf string that is not UTF-8")]
    Text,
}

/// How deep protobuf lets groups be nested.
const MAX_DEPTH: u32 = 100;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
    /// All of it, the tag included.
    pub raw: &'a [u8],
}

/// A field's value, as far as its wire type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number or a bool.
    Varint(u64),
    /// A message, string or bytes.
    Bytes(&'a [u8]),
    /// A fixed-size number or a group.
    Other,
}

/// The fields of a message in their order. Ends after the first error.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { message, at: 0 }
}

/// See [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.message.len();
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<Field<'a>, Malformed> {
        let start = self.at;
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint(10)?),
            1 => self.skip(8)?,
            2 => Value::Bytes(self.bytes()?),
            3 => self.group(number)?,
            5 => self.skip(4)?,
            _ => return Err(Malformed::Tag),
        };
        Ok(Field {
            number,
            value,
            raw: self.slice(start..self.at)?,
        })
    }

    fn tag(&mut self) -> Result<(u32, u64), Malformed> {
        let start = self.at;
        let tag = self.varint(5)?;
        let shortest = encoded_len(tag);
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed::Tag)?;
        if self.at - start != shortest || number == 0 || tag > u64::from(u32::MAX) {
            return Err(Malformed::Tag);
        }
        Ok((number, tag & 7))
    }

    fn varint(&mut self, max_octets: usize) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for index in 0..max_octets {
            let octet = *self.message.get(self.at).ok_or(Malformed::Truncated)?;
            self.at += 1;
            let bits = u64::from(octet & 0x7f);
            if index == 9 && bits > 1 {
                return Err(Malformed::Number);
            }
            value |= bits << (7 * index);
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Number)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = i32::try_from(self.varint(5)?).map_err(|_| Malformed::Number)?;
        let length = usize::try_from(length).map_err(|_| Malformed::Number)?;
        let start = self.at;
        self.at = start.checked_add(length).ok_or(Malformed::Truncated)?;
        self.slice(start..self.at)
    }

    fn skip(&mut self, octets: usize) -> Result<Value<'a>, Malformed> {
        let start = self.at;
        self.at += octets;
        self.slice(start..self.at).map(|_| Value::Other)
    }

    /// Skips the rest of the group `number`, whose start was read.
    fn group(&mut self, number: u32) -> Result<Value<'a>, Malformed> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => drop(self.varint(10)?),
                1 => drop(self.skip(8)?),
                2 => drop(self.bytes()?),
                3 if open.len() < MAX_DEPTH as usize => open.push(number),
                4 if number == innermost => drop(open.pop()),
                5 => drop(self.skip(4)?),
                3 | 4 => return Err(Malformed::Group),
                _ => return Err(Malformed::Tag),
            }
        }
        Ok(Value::Other)
    }

    fn slice(&self, range: Range<usize>) -> Result<&'a [u8], Malformed> {
        self.message.get(range).ok_or(Malformed::Truncated)
    }
}

/// The embedded message `number`, as protobuf merges all of its occurrences: their octets in a row are the merged
/// message.
pub fn merged(message: &[u8], number: u32) -> Result<Option<Cow<'_, [u8]>>, Malformed> {
    let mut merged: Option<Cow<'_, [u8]>> = None;
    for value in all_bytes(message, number) {
        let value = value?;
        merged = Some(match merged {
            None => Cow::Borrowed(value),
            Some(before) => Cow::Owned([&before, value].concat()),
        });
    }
    Ok(merged)
}

/// The last value of a bytes field, which is the one that counts.
pub fn last_bytes(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut last = None;
    for value in all_bytes(message, number) {
        last = Some(value?);
    }
    Ok(last)
}

/// The last value of a string field; empty if it is not there.
pub fn text(message: &[u8], number: u32) -> Result<&str, Malformed> {
    let bytes = last_bytes(message, number)?.unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|_| Malformed::Text)
}

/// The last value of a number; 0 if it is not there.
pub fn varint(message: &[u8], number: u32) -> Result<u64, Malformed> {
    let mut last = 0;
    for field in fields(message) {
        if let Field {
            number: found,
            value: Value::Varint(value),
            ..
        } = field?
            && found == number
        {
            last = value;
        }
    }
    Ok(last)
}

/// All values of a bytes field, in their order. An error anywhere in the message is among them.
pub fn all_bytes(
    message: &[u8],
    number: u32,
) -> impl Iterator<Item = Result<&[u8], Malformed>> + '_ {
    fields(message).filter_map(move |field| match field {
        Ok(Field {
            number: found,
            value: Value::Bytes(bytes),
            ..
        }) if found == number => Some(Ok(bytes)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// The message with `value` as the only occurrence of the bytes field `number`, at the place of the first, or at
/// the end if there was none. `None` removes the field. All other octets stay as they are.
pub fn replaced(message: &[u8], number: u32, value: Option<&[u8]>) -> Result<Vec<u8>, Malformed> {
    let mut result = Vec::with_capacity(message.len() + value.map_or(0, <[u8]>::len) + 8);
    let mut value = value;
    for field in fields(message) {
        let field = field?;
        match field.value {
            Value::Bytes(_) if field.number == number => {
                if let Some(value) = value.take() {
                    put_bytes(&mut result, number, value);
                }
            }
            _ => result.extend_from_slice(field.raw),
        }
    }
    if let Some(value) = value {
        put_bytes(&mut result, number, value);
    }
    Ok(result)
}

/// The fields of a message whose numbers are not in `numbers`, as they are.
pub fn without(message: &[u8], numbers: &[u32]) -> Result<Vec<u8>, Malformed> {
    let mut result = Vec::with_capacity(message.len());
    for field in fields(message) {
        let field = field?;
        if !numbers.contains(&field.number) {
            result.extend_from_slice(field.raw);
        }
    }
    Ok(result)
}

/// Appends a bytes, string or message field.
pub fn put_bytes(message: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_number(message, u64::from(number) << 3 | 2);
    put_number(message, value.len() as u64);
    message.extend_from_slice(value);
}

/// Appends a string field unless it is empty.
pub fn put_text(message: &mut Vec<u8>, number: u32, value: &str) {
    if !value.is_empty() {
        put_bytes(message, number, value.as_bytes());
    }
}

/// Appends a number field.
pub fn put_varint(message: &mut Vec<u8>, number: u32, value: u64) {
    put_number(message, u64::from(number) << 3);
    put_number(message, value);
}

/// Appends a floating-point number field.
pub fn put_double(message: &mut Vec<u8>, number: u32, value: f64) {
    put_number(message, u64::from(number) << 3 | 1);
    message.extend_from_slice(&value.to_le_bytes());
}

/// A message of bytes, string or message fields.
pub fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, value) in fields {
        put_bytes(&mut message, *number, value);
    }
    message
}

fn put_number(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn encoded_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests;
