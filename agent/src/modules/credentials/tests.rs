//! Keys of Docker configurations, and that nothing shows a password.

use super::*;

fn found(text: &str, registry: &str, repository: &str) -> Option<(String, String)> {
    match DockerConfiguration::parse(text.as_bytes())
        .unwrap()
        .find(registry, repository)
        .unwrap()?
    {
        Credential::Basic { user, password } => Some((user, password)),
        other => panic!("{other:?}"),
    }
}

fn pair(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

/// Section 4.3 of the notes on Istio's agent: `foo:bar` for `test.io`.
#[test]
fn keys_in_all_their_forms() {
    for (key, registry, fits) in [
        ("test.io", "test.io", true),
        ("https://test.io", "test.io", true),
        ("https://test.io/v2/", "test.io", true),
        ("http://test.io/v1", "test.io", true),
        ("TEST.io", "test.io", true),
        ("test.io:5000", "test.io:5000", true),
        ("test.io", "test.io:5000", false),
        ("test.io:5000", "test.io", false),
        ("https://index.docker.io/v1/", "docker.io", true),
        ("docker.io", "docker.io", true),
        ("test.io.evil", "test.io", false),
        ("io", "test.io", false),
    ] {
        let text = format!(r#"{{"auths":{{"{key}":{{"auth":"Zm9vOmJhcg=="}}}}}}"#);
        let expected = if fits { pair("foo", "bar") } else { None };
        assert_eq!(found(&text, registry, "a/b"), expected, "{key}");
    }
}

#[test]
fn the_longest_key_that_fits_the_repository_wins() {
    let text = r#"{"auths":{
        "r.io/team/app":{"username":"app","password":"1"},
        "r.io/team":{"username":"team","password":"2"},
        "r.io":{"username":"all","password":"3"}}}"#;
    for (repository, expected) in [
        ("team/app", pair("app", "1")),
        ("team/app/sub", pair("app", "1")),
        ("team/apple", pair("team", "2")),
        ("teams", pair("all", "3")),
    ] {
        assert_eq!(found(text, "r.io", repository), expected, "{repository}");
    }
}

#[test]
fn a_password_of_google_has_colons_and_line_feeds() {
    let json_key = "{\n  \"type\": \"service_account\"\n}";
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("_json_key:{json_key}"));
    let text = format!(r#"{{"auths":{{"registry.example":{{"auth":"{auth}"}}}}}}"#);
    assert_eq!(
        found(&text, "registry.example", "p/m"),
        pair("_json_key", json_key)
    );
}

#[test]
fn what_is_no_docker_configuration_is_refused_without_showing_it() {
    for (text, expected) in [
        ("null", "not a Docker configuration (line 1, column 4)"),
        (
            "secret",
            "not a Docker configuration (line 1, column 1: expected value)",
        ),
        (
            "{\"auths\":{\"r.io\":{\"registrytoken\":\"t\n\"}}}",
            "not a Docker configuration (line 2, column 0: control character (\\u0000-\\u001F) found while parsing a string)",
        ),
        (
            r#"{"auths": 5}"#,
            "not a Docker configuration (line 1, column 11)",
        ),
    ] {
        assert_eq!(
            DockerConfiguration::parse(text.as_bytes()).unwrap_err(),
            expected
        );
    }
}

/// `base64` breaks long lines, and Docker does not mind.
#[test]
fn an_auth_is_read_as_docker_reads_it_or_named_as_malformed() {
    let broken = r#"{"auths":{"test.io":{"auth":"Zm9v\nOmJh\r\ncg==\n"}}}"#;
    assert_eq!(found(broken, "test.io", "m"), pair("foo", "bar"));
    for (auth, has_one) in [("", false), ("Zm9v", true), ("Zm9vOmJhc!==", true)] {
        let text = format!(r#"{{"auths":{{"test.io":{{"auth":"{auth}"}}}}}}"#);
        let found = DockerConfiguration::parse(text.as_bytes())
            .unwrap()
            .find("test.io", "m");
        let expected = "`auth` for `test.io` is not `user:password` in base64";
        assert_eq!(
            found.map(|_| ()),
            if has_one {
                Err(expected.to_owned())
            } else {
                Ok(())
            }
        );
    }
}

#[test]
fn nothing_shows_a_password() {
    let text = r#"{"auths":{"r.io":{"username":"u","password":"hidden","auth":"aGlkZGVu"}}}"#;
    let secret = Keyring::Secret(DockerConfiguration::parse(text.as_bytes()).unwrap());
    assert_eq!(format!("{secret:?}"), r#"Secret({"r.io"})"#);
    let basic = Credential::Basic {
        user: "u".to_owned(),
        password: "hidden".to_owned(),
    };
    assert_eq!(format!("{basic:?}"), "Basic");
}
