//! A request as the octets that are sent.

use std::fmt;

/// A `GET` of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    /// The request target, verbatim.
    pub(crate) target: Vec<u8>,
    pub(crate) host: String,
    /// Other fields.
    pub(crate) fields: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn new(target: impl Into<Vec<u8>>, host: &str) -> Self {
        Self {
            target: target.into(),
            host: host.to_owned(),
            fields: Vec::new(),
        }
    }

    /// The same with one more field.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The whole message.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut octets = [b"GET ", &self.target[..], b" HTTP/1.1\r\n"].concat();
        octets.extend(format!("Host: {}\r\n", self.host).into_bytes());
        for (name, value) in &self.fields {
            octets.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        octets.extend(b"\r\n");
        octets
    }

    /// How far it is from an ordinary request: what is shorter explains more.
    pub(crate) fn length(&self) -> usize {
        self.octets().len()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GET {}", self.target.escape_ascii())?;
        if self.host != "open.example" {
            write!(formatter, " | Host: {}", self.host)?;
        }
        for (name, value) in &self.fields {
            write!(formatter, " | {name}: {value}")?;
        }
        Ok(())
    }
}
