//! What is wrong, or worth knowing, and where.

use std::ops::Range;

use basic_auth::{ConfigurationError, Problem};
use serde_json::{Value, json};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, and perhaps not as it is meant.
    Warning,
    /// It must be mended.
    Error,
}

impl Severity {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Something about a file.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where in the configuration, such as `basic_auth_rules[2].prefix`.
    pub place: Option<String>,
    /// What is wrong, and what would be right. Without any password or hash.
    pub message: String,
    /// Where in the file, in octets.
    pub span: Range<usize>,
}

impl Finding {
    /// Something at a place of the file.
    pub(crate) fn new(severity: Severity, message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            severity,
            place: None,
            message: message.into(),
            span,
        }
    }

    /// Something at a place of the configuration, too.
    pub(crate) fn at(self, place: &str) -> Self {
        Self {
            // The whole of it is no place.
            place: (place != "configuration").then(|| place.to_owned()),
            ..self
        }
    }

    /// Line and column, counted from 1; the column in characters.
    #[must_use]
    pub fn line_and_column(&self, source: &str) -> (usize, usize) {
        let mut start = self.span.start.min(source.len());
        while !source.is_char_boundary(start) {
            start -= 1;
        }
        let before = source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    /// For other programs.
    pub(crate) fn to_json(&self, source: &str) -> Value {
        let (line, column) = self.line_and_column(source);
        json!({"severity": self.severity.name(), "line": line, "column": column, "place": self.place,
            "message": self.message})
    }
}

/// What of an error says where it is: the line within a string, and whether it is a key that is wrong.
pub(crate) fn line_and_is_key(error: &ConfigurationError) -> (Option<usize>, bool) {
    match error.problem() {
        Problem::Htpasswd(why) => (Some(why.line), false),
        Problem::OtherPassword { line, .. } => (Some(*line), false),
        Problem::UnknownKey(_) | Problem::RepeatedKey => (None, true),
        _ => (None, false),
    }
}
