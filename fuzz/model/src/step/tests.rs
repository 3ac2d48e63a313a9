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

#[test]
fn servers_do_what_they_were_found_to_do() {
    let bottle = |path: &str| after(Step::DropInvalidUtf8, path);
    for (path, expected) in [
        ("/%/x/../admin", "/%00/../admin"),
        ("/admin%", "/admin"),
        ("/admin%2", "/admin"),
        ("/%%61", "/%2561"),
        ("/%41", "/%41"),
    ] {
        assert_eq!(
            after(Step::SwallowInvalidEscapes, path).as_deref(),
            Some(expected)
        );
    }
    for (path, expected) in [
        ("/%u0061dmin", "/admin"),
        ("/%u006", "/%u006"),
        ("/%61%2525", "/a%25"),
    ] {
        assert_eq!(
            after(Step::DecodeWithUnicode, path).as_deref(),
            Some(expected)
        );
    }
    assert_eq!(bottle("/\u{e9}").as_deref(), Some("/\u{e9}"));
    let dropped = Step::DropInvalidUtf8.take(b"/.\xff./a\xc3b".to_vec());
    assert_eq!(dropped.as_deref(), Some(&b"/../ab"[..]));
    assert_eq!(after(Step::TrimEnd(b". "), "/a. .").as_deref(), Some("/a"));
    assert_eq!(after(Step::LowerCase, "/%4A").as_deref(), Some("/%4a"));
}
