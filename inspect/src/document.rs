//! YAML and JSON documents whose values know where they stand.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// More values than this, after aliases are replaced, are no configuration but a bomb.
const MAX_VALUES: usize = 2_000_000;

/// A value and where it stands, in octets of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

/// A value of a document.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(Text),
    List(Vec<Node>),
    /// In the order given, also what was given twice.
    Map(Vec<(Node, Node)>),
}

/// A string, and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) content: String,
    pub(crate) is_literal: bool,
}

/// Why a text is no document: where, and in words.
#[derive(Clone, Debug)]
pub(crate) struct NotADocument {
    pub(crate) at: usize,
    pub(crate) reason: String,
}

/// The documents of a text.
pub(crate) fn documents(source: &str) -> Result<Vec<Node>, NotADocument> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| NotADocument {
            at: error.marker().byte_offset().unwrap_or(0),
            reason: reason(&error.to_string()),
        })?;
        builder.take(&event, &span)?;
    }
    Ok(builder.documents)
}

/// Without the place, which is shown otherwise.
fn reason(message: &str) -> String {
    message
        .split(" at char ")
        .next()
        .unwrap_or(message)
        .to_owned()
}

impl Node {
    /// The value of a key; the last, as YAML readers have it that accept two.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.members()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The value of a key in Envoy's spelling, or as JSON of a protobuf writes it.
    pub(crate) fn field(&self, key: &str) -> Option<&Node> {
        self.get(key).or_else(|| self.get(&camel_case(key)))
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &(Node, Node)> {
        match &self.value {
            Value::Map(members) => members.as_slice(),
            _ => &[],
        }
        .iter()
    }

    pub(crate) fn elements(&self) -> &[Node] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(&text.content),
            _ => None,
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }
}

fn camel_case(key: &str) -> String {
    let mut parts = key.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let upper = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &upper.map(String::from).unwrap_or_default() + letters.as_str()
    })
}

/// Makes documents of the parser's events.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    values: usize,
}

/// A list or a map that has begun.
struct Open {
    start: usize,
    anchor: usize,
    is_map: bool,
    /// Of a map, keys and values in turn.
    nodes: Vec<Node>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, span: &Span) -> Result<(), NotADocument> {
        let span = span.byte_range().unwrap_or_default();
        match event {
            Event::SequenceStart(_, anchor, _) => self.open(span.start, *anchor, false),
            Event::MappingStart(_, anchor, _) => self.open(span.start, *anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end)?,
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag
                    .as_ref()
                    .is_some_and(|tag| tag.core_suffix() == Some("str"));
                let value = scalar(text, *style, is_text);
                self.add(Node { span, value }, *anchor)?;
            }
            Event::Alias(anchor) => {
                let mut node = self
                    .anchors
                    .get(anchor)
                    .cloned()
                    .ok_or_else(|| NotADocument {
                        at: span.start,
                        reason: "an alias within what it stands for".to_owned(),
                    })?;
                self.values += count(&node);
                node.span = span;
                self.add(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, start: usize, anchor: usize, is_map: bool) {
        self.open.push(Open {
            start,
            anchor,
            is_map,
            nodes: Vec::new(),
        });
    }

    fn close(&mut self, end: usize) -> Result<(), NotADocument> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let last = open.nodes.last().map_or(open.start, |node| node.span.end);
        let end = end.max(last);
        let value = if open.is_map {
            let mut nodes = open.nodes.into_iter();
            let pair = std::iter::from_fn(|| Some((nodes.next()?, nodes.next()?)));
            Value::Map(pair.collect())
        } else {
            Value::List(open.nodes)
        };
        let span = open.start..end;
        self.add(Node { span, value }, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), NotADocument> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(NotADocument {
                at: node.span.start,
                reason: "more than two million values".to_owned(),
            });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(elements) => elements.iter().map(count).sum::<usize>() + 1,
        Value::Map(members) => {
            members
                .iter()
                .map(|(_, value)| count(value) + 1)
                .sum::<usize>()
                + 1
        }
        _ => 1,
    }
}

/// As YAML's core schema reads it.
fn scalar(text: &str, style: ScalarStyle, is_text: bool) -> Value {
    let as_text = || {
        Value::Text(Text {
            content: text.to_owned(),
            is_literal: style == ScalarStyle::Literal,
        })
    };
    if style != ScalarStyle::Plain || is_text {
        return as_text();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if serde_json::from_str::<serde_json::Number>(text).is_ok() => {
            Value::Number(text.to_owned())
        }
        _ => as_text(),
    }
}
