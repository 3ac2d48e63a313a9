//! The protection space (RFC 7617, 2) and the challenge that names it.

use alloc::string::String;

/// A protection space's name, held as the challenge made of it.
#[derive(Debug)]
pub(crate) struct Realm {
    /// A valid field value: no control character, quoted and escaped.
    challenge: String,
}

/// The realm has a character that no field value can hold.
#[derive(Debug)]
pub(crate) struct ControlCharacter;

impl Realm {
    /// # Errors
    /// A control character, which a quoted string cannot hold (RFC 9110, 5.6.4).
    pub(crate) fn parse(text: &str) -> Result<Self, ControlCharacter> {
        if text.chars().any(char::is_control) {
            return Err(ControlCharacter);
        }
        let mut challenge = String::from("Basic realm=\"");
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                challenge.push('\\');
            }
            challenge.push(character);
        }
        challenge.push_str("\", charset=\"UTF-8\"");
        Ok(Self { challenge })
    }

    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }
}
