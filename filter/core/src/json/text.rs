//! Strings (RFC 8259, 7).

use super::Rest;
use alloc::string::String;

impl Rest<'_> {
    pub(super) fn text(&mut self) -> Option<String> {
        self.0 = self.0.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let is_end = |character: char| matches!(character, '"' | '\\' | '\0'..='\x1f');
            let (literal, rest) = self.0.split_at_checked(self.0.find(is_end)?)?;
            text.push_str(literal);
            self.0 = rest;
            match self.next_if(|octet| matches!(octet, b'"' | b'\\'))? {
                b'"' => return Some(text),
                _ => text.push(self.escaped()?),
            }
        }
    }

    /// What stands after a `\`.
    fn escaped(&mut self) -> Option<char> {
        Some(
            match self.next_if(|octet| b"\"\\/bfnrtu".contains(&octet))? {
                b'b' => '\x08',
                b'f' => '\x0c',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => return self.code_point(),
                itself => itself.into(),
            },
        )
    }

    /// A UTF-16 code unit, or two that are a surrogate pair.
    fn code_point(&mut self) -> Option<char> {
        let unit = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        self.0 = self.0.strip_prefix("\\u")?;
        let low = self.code_unit()?.checked_sub(0xdc00)?;
        char::from_u32(0x10000 + ((unit - 0xd800) << 10 | low)).filter(|_| low < 0x400)
    }

    fn code_unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next_if(|octet| octet.is_ascii_hexdigit())?;
            unit = unit << 4 | char::from(digit).to_digit(16)?;
        }
        Some(unit)
    }
}
