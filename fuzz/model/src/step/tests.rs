//! The steps on paths of the RFCs and of known attacks.

use super::*;

fn after(step: Step, path: &str) -> Option<String> {
    let path = step.take(path.as_bytes().to_vec())?;
    Some(String::from_utf8_lossy(&path).into_owned())
}

#[test]
fn dots_are_removed_as_in_rfc_3986() {
    for (path, expected) in [
        ("/a/b/c/./../../g", "/a/g"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/a//../b", "/a/b"),
        ("/../a", "/a"),
        ("/..", "/"),
        ("/...", "/..."),
    ] {
        assert_eq!(after(Step::RemoveDots, path).as_deref(), Some(expected));
    }
    assert_eq!(after(Step::RemoveDotsWithinRoot, "/a/../../b"), None);
    assert_eq!(
        after(Step::RemoveDotsAndTheirEscapes, "/x/.%2E/%61").as_deref(),
        Some("/%61")
    );
}

#[test]
fn escapes_are_decoded_once() {
    let decoded = |escapes, path| after(Step::Decode(escapes), path).unwrap();
    assert_eq!(decoded(Escapes::All, "/%61%2f%2561%zz%2"), "/a/%61%zz%2");
    assert_eq!(decoded(Escapes::Unreserved, "/%61%2f%%32%65"), "/a%2f%2e");
    assert_eq!(decoded(Escapes::OfWholeUri, "/%3b%3B%20"), "/%3b%3B ");
}

#[test]
fn parameters_are_cut() {
    assert_eq!(
        after(Step::CutParameters, "/a;b/..;/c").as_deref(),
        Some("/a/../c")
    );
    assert_eq!(
        after(Step::CutLastParameters, "/a;b/c;d").as_deref(),
        Some("/a;b/c")
    );
}

#[test]
fn an_absolute_form_is_reduced() {
    let reduced = |path| after(Step::AbsoluteForm, path).unwrap();
    assert_eq!(reduced("http://h:80/a"), "/a");
    assert_eq!(reduced("http://h"), "/");
    assert_eq!(reduced("/a?u=http://h/b"), "/a?u=http://h/b");
    assert_eq!(after(Step::SchemeRelative, "//h/a").as_deref(), Some("/a"));
}
