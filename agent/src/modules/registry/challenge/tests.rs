//! Challenges, and which token services are asked.

use super::*;

fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Challenge {
        scheme: scheme.to_owned(),
        parameters: parameters.iter().map(owned).collect(),
    }
}

#[test]
fn challenges_in_one_field_or_several() {
    let bearer = challenge(
        "bearer",
        &[
            ("realm", "https://t/token"),
            ("service", "r"),
            ("scope", "repository:a,b:pull"),
        ],
    );
    for (value, expected) in [
        (
            r#"Bearer realm="https://t/token",service="r",scope="repository:a,b:pull""#,
            vec![bearer.clone()],
        ),
        (
            r#"BASIC realm="Registry \"Realm\"", Bearer realm = "https://t/token" , service=r, scope="repository:a,b:pull""#,
            vec![
                challenge("basic", &[("realm", "Registry \"Realm\"")]),
                bearer,
            ],
        ),
        (
            "Negotiate, Basic",
            vec![challenge("negotiate", &[]), challenge("basic", &[])],
        ),
        (
            "Basic realm=\"unterminated",
            vec![challenge("basic", &[("realm", "unterminated")])],
        ),
        ("\u{7f}=,;", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(parse(value), expected, "{value}");
    }
}

/// Section 4.3 of the notes on Istio's agent, for a registry on the internet.
#[test]
fn token_services_of_a_public_registry() {
    let url = Url::parse("https://r.example/").unwrap();
    let registry = Registry {
        url: &url,
        is_private: false,
    };
    let refused = |cause: &str| {
        Err(format!(
            "the registry names a token service that is not asked: {cause}"
        ))
    };
    let private = "it is in a private network";
    for (realm, expected) in [
        ("https://auth.example/token", Ok(())),
        ("https://r.example:8443/token", Ok(())),
        ("http://auth.example/token", refused("it has no TLS")),
        ("https://169.254.169.254/token", refused(private)),
        ("https://metadata.google.internal/token", refused(private)),
        ("https://localhost/token", refused(private)),
        ("https://a.localhost./token", refused(private)),
        ("https://127.0.0.1/token", refused(private)),
        ("https://127.9.9.9:5000/token", refused(private)),
        ("https://2130706433/token", refused(private)),
        (
            "file:///etc/passwd",
            refused("its realm is neither https nor http"),
        ),
        (
            "gopher://h/",
            refused("its realm is neither https nor http"),
        ),
        ("dict://h/", refused("its realm is neither https nor http")),
        ("https://10.0.0.1/token", refused(private)),
        ("https://192.168.1.1/token", refused(private)),
        ("https://172.16.0.1/token", refused(private)),
        ("https://[::1]/token", refused(private)),
        ("https://[fe80::1]/token", refused(private)),
        ("https://[fd00:ec2::254]/token", refused(private)),
        ("https://[fc00::1]/token", refused(private)),
        ("https://[::ffff:10.0.0.1]/token", refused(private)),
        ("Registry Realm", refused("its realm is no URL")),
        ("", refused("its realm is no URL")),
    ] {
        assert_eq!(
            token_service(realm, registry).map(|_| ()),
            expected,
            "{realm}"
        );
    }
}

#[test]
fn token_services_of_a_registry_in_a_private_network() {
    let url = Url::parse("http://10.0.0.1:5000/").unwrap();
    let registry = Registry {
        url: &url,
        is_private: true,
    };
    for realm in [
        "http://10.0.0.1/token",
        "http://10.0.0.2/token",
        "https://auth.example/token",
    ] {
        assert_eq!(
            token_service(realm, registry).map(String::from),
            Ok(realm.to_owned())
        );
    }
}
