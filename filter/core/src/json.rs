//! JSON (RFC 8259), with what a configuration needs of it: an object keeps a key that was given
//! twice, and a number is a whole one or of no use.
//!
//! An own parser, because `serde_json` is four times the code in the module. The tests compare the
//! two.

use alloc::string::String;
use alloc::vec::Vec;

mod number;
#[cfg(test)]
mod tests;
mod text;

/// A JSON value.
#[derive(Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// `None` if it is no whole number from 0 to 4294967295, however that is written.
    Number(Option<u32>),
    Text(String),
    List(Vec<Json>),
    /// In the order given, also what was given twice.
    Object(Vec<(String, Json)>),
}

/// A text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    /// Where it stops to be JSON: the line, counted from 1.
    pub(crate) line: usize,
    /// The octet of the line, counted from 1.
    pub(crate) column: usize,
}

/// More lists and objects in each other than this are refused, so that the stack is enough.
const MAX_DEPTH: usize = 127;

impl Json {
    /// # Errors
    /// The first place where the text is not JSON, or not UTF-8.
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, NotJson> {
        let text = core::str::from_utf8(octets)
            .map_err(|error| NotJson::at(octets, error.valid_up_to()))?;
        let mut rest = Rest(text);
        let value = rest
            .value(MAX_DEPTH)
            .filter(|_| rest.skip_blanks().is_empty());
        value.ok_or_else(|| NotJson::at(octets, octets.len() - rest.0.len()))
    }

    /// What this is, in the words of RFC 8259.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

impl NotJson {
    fn at(octets: &[u8], index: usize) -> Self {
        let before = octets.get(..index).unwrap_or(octets);
        let of_line = before.rsplit(|octet| *octet == b'\n').next();
        Self {
            line: 1 + before.iter().filter(|octet| **octet == b'\n').count(),
            column: 1 + of_line.map_or(0, <[u8]>::len),
        }
    }
}

/// What is still to be read. What reads something gives `None` if it is not there, and then stops
/// at the first octet that is wrong.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.skip_blanks().bytes().next()? {
            b'{' => self.object(depth.checked_sub(1)?).map(Json::Object),
            b'[' => self.list(depth.checked_sub(1)?).map(Json::List),
            b'"' => self.text().map(Json::Text),
            b'-' | b'0'..=b'9' => self.number().map(Json::Number),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            _ => self.word("null", Json::Null),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Vec<(String, Json)>> {
        let mut members = Vec::new();
        self.skip("{")?;
        if self.skip("}").is_some() {
            return Some(members);
        }
        loop {
            self.skip_blanks();
            let key = self.text()?;
            self.skip(":")?;
            members.push((key, self.value(depth)?));
            if self.skip("}").is_some() {
                return Some(members);
            }
            self.skip(",")?;
        }
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Json>> {
        let mut elements = Vec::new();
        self.skip("[")?;
        if self.skip("]").is_some() {
            return Some(elements);
        }
        loop {
            elements.push(self.value(depth)?);
            if self.skip("]").is_some() {
                return Some(elements);
            }
            self.skip(",")?;
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        self.skip(word).map(|()| value)
    }

    /// Skips blanks and then `token`.
    fn skip(&mut self, token: &str) -> Option<()> {
        self.0 = self.skip_blanks().strip_prefix(token)?;
        Some(())
    }

    fn skip_blanks(&mut self) -> &'t str {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        self.0
    }

    /// The next octet, if it `is_meant`.
    fn next_if(&mut self, is_meant: impl Fn(u8) -> bool) -> Option<u8> {
        let octet = self.0.bytes().next().filter(|octet| is_meant(*octet))?;
        // What is meant is ASCII.
        self.0 = self.0.get(1..)?;
        Some(octet)
    }
}
