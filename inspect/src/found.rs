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
    /// Line by line, each after an indentation.
    Lines(Vec<Line>),
    /// With escapes or folded: somewhere here.
    Somewhere(Range<usize>),
}

/// Where a line begins, in octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    of_text: usize,
    of_file: usize,
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
            Some(origin) => origin.locate(at),
        }
    }

    /// The same of several octets.
    pub(crate) fn locate_span(&self, span: &Range<usize>) -> Range<usize> {
        match &self.origin {
            None => span.start..span.end.max(span.start + 1),
            Some(origin) => origin.locate_span(span),
        }
    }
}

impl Origin {
    fn locate(&self, at: usize) -> Range<usize> {
        match self {
            Origin::Verbatim(start) => start + at..start + at + 1,
            Origin::Lines(lines) => {
                let number = lines.partition_point(|line| line.of_text <= at);
                let line = number.checked_sub(1).and_then(|line| lines.get(line));
                let start = line.map_or(0, |line| line.of_file + (at - line.of_text));
                start..start + 1
            }
            Origin::Somewhere(span) => span.clone(),
        }
    }

    /// Where several octets of the text stand.
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
    line_starts(node.span.start, &text.content, source)
        .map_or_else(|| Origin::Somewhere(node.span.clone()), Origin::Lines)
}

/// Where the lines of a literal block begin, behind its indentation; `None` if one is not there.
fn line_starts(from: usize, content: &str, source: &str) -> Option<Vec<Line>> {
    let start = source.get(..from)?.rfind('\n').map_or(0, |end| end + 1);
    let mut of_file = start;
    let mut rest = source.get(start..)?.split_inclusive('\n');
    let mut of_text = 0;
    let mut lines = Vec::new();
    for wanted in content.split_inclusive('\n') {
        let text = wanted.trim_end_matches(['\r', '\n']);
        lines.push(loop {
            let line = rest.next()?;
            let bare = line.trim_end_matches(['\r', '\n']);
            let indent = bare.strip_suffix(text);
            let at = of_file + bare.len() - text.len().min(bare.len());
            of_file += line.len();
            if indent.is_some_and(|indent| indent.trim().is_empty()) {
                break Line {
                    of_text,
                    of_file: at,
                };
            }
        });
        of_text += wanted.len();
    }
    Some(lines)
}
