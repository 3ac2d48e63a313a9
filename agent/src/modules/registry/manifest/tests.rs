//! Children of indexes, and documents that are no manifests.

use super::*;

fn chosen(children: &[(&str, &str)]) -> Result<String, String> {
    let manifests: Vec<_> = children
        .iter()
        .enumerate()
        .map(|(place, (os, architecture))| {
            let digest = format!("sha256:{place:064}");
            let mut child = serde_json::json!({"mediaType": "x", "digest": digest, "size": 1});
            if !os.is_empty() {
                child["platform"] = serde_json::json!({"os": os, "architecture": architecture});
            }
            child
        })
        .collect();
    let index = serde_json::json!({"manifests": manifests}).to_string();
    match parse(index.as_bytes(), "").unwrap() {
        Document::Index(index) => index
            .child()
            .map(|digest| digest.hex().trim_start_matches('0').to_owned()),
        Document::Manifest(_) => panic!("not an index"),
    }
}

#[test]
fn the_child_of_an_index_does_not_depend_on_the_machine() {
    let none = |count| {
        Err(format!(
            "none of the {count} images in the index is for wasm or linux/amd64"
        ))
    };
    for (children, expected) in [
        (
            &[("linux", "arm64"), ("linux", "amd64"), ("wasip1", "wasm")][..],
            Ok("2"),
        ),
        (&[("linux", "arm64"), ("linux", "amd64")], Ok("1")),
        (&[("unknown", "unknown"), ("linux", "arm64")], Ok("1")),
        (&[("unknown", "unknown"), ("wasi", "wasm32")], Ok("1")),
        (&[("unknown", "unknown"), ("", "")], Ok("1")),
        (
            &[("windows", "amd64"), ("linux", "arm64")],
            none(2).map(|()| ""),
        ),
        (&[("unknown", "unknown")], none(0).map(|()| "")),
        (&[], none(0).map(|()| "")),
    ] {
        assert_eq!(
            chosen(children),
            expected.map(str::to_owned),
            "{children:?}"
        );
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    for (text, expected) in [
        (
            "<html>",
            "the registry answered with text/html that starts with \"<html>\", not with a manifest",
        ),
        (
            r#"{"layers": [], "manifests": []}"#,
            "it has both `layers` and `manifests`",
        ),
        (
            r#"{"schemaVersion": 1, "fsLayers": []}"#,
            "it has neither `layers` nor `manifests`: images of Docker before 1.10 are not supported",
        ),
        (
            r#"{"layers": [{"digest": 5}]}"#,
            "it is malformed: invalid type: integer `5`, expected a string",
        ),
    ] {
        assert_eq!(parse(text.as_bytes(), "text/html").unwrap_err(), expected);
    }
}
