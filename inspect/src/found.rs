//! A configuration of the filter, where it was found.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::document::{self, Node, Value};
use crate::json::to_json;

/// How a configuration is handed to the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A file of its own.
    Alone,
    /// As a string: `google.protobuf.StringValue`, `BytesValue`.
    Text,
    /// As an object: `google.protobuf.Struct`, `pluginConfig`, `config`.
    Object,
}

impl Form {
    /// In a word or two.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Alone => "a file of its own",
            Form::Text => "StringValue",
            Form::Object => "Struct",
        }
    }
}

/// A configuration and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Where it stands in the document, such as `spec.pluginConfig`.
    pub(crate) place: String,
    pub(crate) form: Form,
    /// Of the value that holds it, in octets of the file.
    pub(crate) span: Range<usize>,
    /// What the filter is handed.
    pub(crate) text: String,
    /// The values of `text`, if they could be read.
    pub(crate) root: Option<Node>,
    /// Where the octets of `text` stand, if that is another text than the file.
    pub(crate) origin: Option<Origin>,
    /// Variables of the VM; `None` for the value of one that is known only where it runs.
    pub(crate) environment: BTreeMap<String, Option<String>>,
}

/// How a text stands in a file.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// As it is, from this octet on.
    Verbatim(usize),
    /// Line by line, each after an indentation: where each begins.
    Lines(Vec<usize>),
    /// With escapes or folded: somewhere here.
    Somewhere(Range<usize>),
}

impl Found {
    /// What an object says is what the filter is handed.
    pub(crate) fn of_object(place: String, form: Form, node: &Node) -> Self {
        Self {
            place,
            form,
            span: node.span.clone(),
            text: to_json(node),
            root: Some(node.clone()),
            origin: None,
            environment: BTreeMap::new(),
        }
    }

    /// What a string holds is what the filter is handed.
    pub(crate) fn of_text(place: String, node: &Node, source: &str) -> Self {
        let content = node.text().unwrap_or_default();
        Self {
            place,
            form: Form::Text,
            span: node.span.clone(),
            text: content.to_owned(),
            root: root(content),
            origin: Some(origin(node, source)),
            environment: BTreeMap::new(),
        }
    }

    /// Where an octet of `text` stands in the file: exactly, or somewhere within.
    pub(crate) fn locate(&self, at: usize) -> Range<usize> {
        match &self.origin {
            None => at..at + 1,
            Some(Origin::Verbatim(start)) => start + at..start + at + 1,
            Some(Origin::Lines(starts)) => {
                let before = self.text.get(..at).unwrap_or(&self.text);
                let line = before.matches('\n').count();
                let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
                let start = starts.get(line).copied().unwrap_or(self.span.start);
                start + column..start + column + 1
            }
            Some(Origin::Somewhere(span)) => span.clone(),
        }
    }

    /// The same of several octets.
    pub(crate) fn locate_span(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.locate(span.start);
        let end = self.locate(span.end.saturating_sub(1).max(span.start));
        start.start..end.end.max(start.end)
    }
}

/// The only document of a text.
pub(crate) fn root(text: &str) -> Option<Node> {
    document::documents(text).ok()?.into_iter().next()
}

/// How the content of a scalar stands in its source.
pub(crate) fn origin(node: &Node, source: &str) -> Origin {
    let Value::Text(text) = &node.value else {
        return Origin::Somewhere(node.span.clone());
    };
    let written = source.get(node.span.clone()).unwrap_or_default();
    if let Some(at) = written.find(&text.content) {
        return Origin::Verbatim(node.span.start + at);
    }
    if !text.is_literal {
        return Origin::Somewhere(node.span.clone());
    }
    Origin::Lines(line_starts(node.span.start, &text.content, source))
}

/// Where the lines of a literal block begin, behind its indentation.
fn line_starts(from: usize, content: &str, source: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut lines = content.lines();
    let mut wanted = lines.next();
    let mut at = source
        .get(..from)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |end| end + 1);
    for line in source.get(at..).unwrap_or_default().split_inclusive('\n') {
        let Some(text) = wanted else { break };
        let bare = line.trim_end_matches(['\r', '\n']);
        let is_here = bare.ends_with(text)
            && bare
                .get(..bare.len() - text.len())
                .is_some_and(|indent| indent.trim().is_empty());
        if is_here {
            starts.push(at + bare.len() - text.len());
            wanted = lines.next();
        }
        at += line.len();
    }
    starts
}
