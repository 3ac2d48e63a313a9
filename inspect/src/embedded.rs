//! Files within a file, such as the bootstrap of Envoy in a ConfigMap.

use crate::document::{self, Node, NotADocument, Value};
use crate::found::{Origin, origin};

/// The documents of a text that stands in a file.
pub(crate) struct Embedded {
    /// With their places in the file around.
    pub(crate) documents: Vec<Node>,
    /// Whether these are no nearer than the whole text.
    pub(crate) is_somewhere: bool,
}

/// Reads the documents of `node`, which is a text of `source`.
pub(crate) fn documents(node: &Node, source: &str) -> Result<Embedded, NotADocument> {
    let origin = origin(node, source);
    let documents = document::documents(node.text().unwrap_or_default());
    let documents = documents.map_err(|error| NotADocument {
        at: origin.locate_span(&(error.at..error.at)).start,
        ..error
    })?;
    Ok(Embedded {
        documents: documents
            .into_iter()
            .map(|document| placed(document, &origin))
            .collect(),
        is_somewhere: matches!(origin, Origin::Somewhere(_)),
    })
}

fn placed(node: Node, origin: &Origin) -> Node {
    let value = match node.value {
        Value::List(elements) => Value::List(
            elements
                .into_iter()
                .map(|element| placed(element, origin))
                .collect(),
        ),
        Value::Map(members) => Value::Map(
            members
                .into_iter()
                .map(|(key, value)| (placed(key, origin), placed(value, origin)))
                .collect(),
        ),
        other => other,
    };
    Node {
        span: origin.locate_span(&node.span),
        value,
    }
}
