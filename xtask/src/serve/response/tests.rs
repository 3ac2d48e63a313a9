//! Requests in memory, and what they are answered.

use std::fs::File;

use hyper::body::Body as _;

use super::*;
use crate::module::{Digest, FILE_NAME, Module};

/// 1994-11-06 08:49:37 GMT, as RFC 9110 writes it.
const MODIFIED: Duration = Duration::from_secs(784_111_777);
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A folder with `module`, modified at [`MODIFIED`], and with `older`.
fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    for content in ["older", "module"] {
        let module = Module::from(content.as_bytes().to_vec());
        module.publish(folder.path()).unwrap();
    }
    let file = File::open(folder.path().join(FILE_NAME)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + MODIFIED)
        .unwrap();
    let store = Store::open(folder.path().to_path_buf()).unwrap();
    (folder, store)
}

fn digest() -> Digest {
    Digest::of(b"module")
}

fn ask(method: &str, path: &str, fields: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    if !fields.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "example.com");
    }
    let (_folder, store) = store();
    respond(&request.body(()).unwrap(), &store)
}

fn length(response: &Response<Full<Bytes>>) -> u64 {
    response.body().size_hint().lower()
}

#[test]
fn the_module_is_served_under_both_urls_and_the_older_one_under_its_own() {
    let [newest, older] = [b"module".as_slice(), b"older"].map(Digest::of);
    let immutable = "public, max-age=31536000, immutable";
    for (path, digest, size, caching) in [
        ("/basic_auth.wasm", newest, 6, "no-cache"),
        ("/basic_auth.wasm?query", newest, 6, "no-cache"),
        ("/%62asic_auth%2ewasm", newest, 6, "no-cache"),
        (&format!("/{newest}/basic_auth.wasm"), newest, 6, immutable),
        (&format!("/{older}/basic_auth.wasm"), older, 5, immutable),
    ] {
        let response = ask("GET", path, &[]);
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "application/wasm");
        assert_eq!(response.headers()["etag"], format!("\"{digest}\""));
        assert_eq!(response.headers()["cache-control"], caching);
        assert_eq!(response.headers()["accept-ranges"], "bytes");
        assert_eq!(length(&response), size);
    }
    let response = ask("GET", "/basic_auth.wasm", &[]);
    assert_eq!(response.headers()["last-modified"], THEN);
}

#[test]
fn the_checksum_is_what_sha256sum_reads() {
    let response = ask("GET", "/basic_auth.wasm.sha256", &[]);
    assert_eq!(response.status(), 200);
    assert_eq!(length(&response), "  basic_auth.wasm\n".len() as u64 + 64);
}

#[test]
fn head_tells_the_length_and_sends_nothing() {
    let response = ask("HEAD", "/basic_auth.wasm", &[("range", "bytes=1-2")]);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "6");
    assert_eq!(length(&response), 0);
}

#[test]
fn preconditions_are_judged_in_their_order() {
    let current = format!("\"{}\"", digest());
    let weak = format!("W/{current}");
    let several = format!("\"a\", {current} , \"b\"");
    let cases: [(&[(&str, &str)], u16); 21] = [
        (&[("if-none-match", &current)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-none-match", &several)], 304),
        (
            &[("if-none-match", "\"a\""), ("if-none-match", &current)],
            304,
        ),
        (&[("if-none-match", "\"a\"")], 200),
        (&[("if-none-match", &digest().to_string())], 200),
        (&[("if-modified-since", THEN)], 304),
        (&[("if-modified-since", BEFORE)], 200),
        (&[("if-modified-since", "yesterday")], 200),
        (
            &[("if-none-match", "\"a\""), ("if-modified-since", THEN)],
            200,
        ),
        (&[("if-match", &current)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", &several)], 200),
        (&[("if-match", "\"a\"")], 412),
        (&[("if-match", &weak)], 412),
        (&[("if-match", "\"a\""), ("if-none-match", &current)], 412),
        (&[("if-match", &current), ("if-none-match", &current)], 304),
        (&[("if-unmodified-since", THEN)], 200),
        (&[("if-unmodified-since", BEFORE)], 412),
        (
            &[("if-match", &current), ("if-unmodified-since", BEFORE)],
            200,
        ),
    ];
    for (fields, status) in cases {
        for method in ["GET", "HEAD"] {
            let response = ask(method, "/basic_auth.wasm", fields);
            assert_eq!(response.status(), status, "{method} {fields:?}");
            assert_eq!(response.headers()["etag"], current);
            assert_eq!(response.headers()["cache-control"], "no-cache");
            if status == 304 {
                assert!(!response.headers().contains_key("content-type"));
                assert_eq!(length(&response), 0);
            }
        }
    }
}

#[test]
fn one_range_is_served_as_a_part() {
    let current = format!("\"{}\"", digest());
    let part = |range: &'static str| vec![("range", range)];
    let cases = [
        (part("bytes=0-2"), 206, "bytes 0-2/6"),
        (part("bytes=2-"), 206, "bytes 2-5/6"),
        (part("bytes=-2"), 206, "bytes 4-5/6"),
        (part("bytes=-9"), 206, "bytes 0-5/6"),
        (part("bytes=4-99"), 206, "bytes 4-5/6"),
        (part("bytes=6-"), 416, "bytes */6"),
        (part("bytes=-0"), 416, "bytes */6"),
        (part("bytes=0-1,3-4"), 200, ""),
        (part("bytes=2-1"), 200, ""),
        (part("bytes=x"), 200, ""),
        (part("lines=0-1"), 200, ""),
        (
            vec![("range", "bytes=1-"), ("if-range", &current)],
            206,
            "bytes 1-5/6",
        ),
        (
            vec![("range", "bytes=1-"), ("if-range", THEN)],
            206,
            "bytes 1-5/6",
        ),
        (
            vec![("range", "bytes=1-"), ("if-range", "\"other\"")],
            200,
            "",
        ),
        (vec![("range", "bytes=1-"), ("if-range", BEFORE)], 200, ""),
    ];
    for (fields, status, content_range) in cases {
        let response = ask("GET", "/basic_auth.wasm", &fields);
        assert_eq!(response.status(), status, "{fields:?}");
        let told = response.headers().get("content-range");
        let told = told.map_or("", |range| range.to_str().unwrap());
        assert_eq!(told, content_range, "{fields:?}");
        if status != 416 {
            let told = response.headers()["content-length"].to_str().unwrap();
            assert_eq!(told, length(&response).to_string(), "{fields:?}");
        }
    }
}

#[test]
fn what_was_just_built_has_no_date_that_another_could_have() {
    let folder = tempfile::tempdir().unwrap();
    let module = Module::from(b"module".to_vec());
    module.publish(folder.path()).unwrap();
    let store = Store::open(folder.path().to_path_buf()).unwrap();
    let get = |path: &str| {
        let request = Request::get(path).header("host", "a").body(()).unwrap();
        respond(&request, &store)
    };
    assert!(
        !get("/basic_auth.wasm")
            .headers()
            .contains_key("last-modified")
    );
    let immutable = get(&format!("/{}/basic_auth.wasm", module.digest));
    assert!(immutable.headers().contains_key("last-modified"));
}

#[test]
fn other_paths_do_not_exist() {
    let other = Digest::of(b"other");
    let digest = digest();
    for path in [
        "/",
        "/basic_auth",
        "//basic_auth.wasm",
        "/basic_auth.wasm/",
        "/x/basic_auth.wasm",
        "/../basic_auth.wasm",
        &format!("/{other}/basic_auth.wasm"),
        &format!("/{}/basic_auth.wasm", digest.to_string().to_uppercase()),
        &format!("/{digest}%2fbasic_auth.wasm"),
        &format!("/{digest}/basic_auth.wasm.sha256"),
    ] {
        let response = ask("POST", path, &[]);
        assert_eq!(response.status(), 404, "{path}");
        assert!(!response.headers().contains_key("etag"));
    }
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    for method in ["POST", "PUT", "DELETE", "get"] {
        let response = ask(method, "/basic_auth.wasm", &[("if-none-match", "*")]);
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    }
}

#[test]
fn options_are_those_of_a_resource_and_of_the_server() {
    for target in ["/basic_auth.wasm", "*"] {
        let response = ask("OPTIONS", target, &[]);
        assert_eq!(response.status(), 200, "{target}");
        assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
        assert_eq!(response.headers()["content-length"], "0");
    }
    assert_eq!(ask("GET", "*", &[]).status(), 400);
}

#[test]
fn a_host_is_there_once_and_well_formed() {
    let status = |hosts: &[&str]| {
        let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        ask("GET", "/basic_auth.wasm", &fields).status().as_u16()
    };
    for host in [
        "a",
        "a.example:80",
        "a:",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "",
    ] {
        assert_eq!(status(&[host]), 200, "{host}");
    }
    for host in [
        "a b", "a/b", "user@a", "a:b", "a:99999", "a:1:2", "[::1", "http://a", "a,b#",
    ] {
        assert_eq!(status(&[host]), 400, "{host}");
    }
    assert_eq!(status(&["a", "a"]), 400);
    let (_folder, store) = store();
    for (version, expected) in [(Version::HTTP_10, 200), (Version::HTTP_11, 400)] {
        let request = Request::get("/basic_auth.wasm").version(version).body(());
        let response = respond(&request.unwrap(), &store);
        assert_eq!(response.status(), expected, "{version:?}");
    }
}
