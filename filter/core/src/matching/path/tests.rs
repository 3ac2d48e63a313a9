//! What a case cannot say: the readings themselves.

use super::*;

fn readings(path: &str) -> Vec<String> {
    Readings::of(Some(path.as_bytes()))
        .iter()
        .map(|reading| String::from_utf8_lossy(reading).into_owned())
        .collect()
}

#[test]
fn a_plain_path_has_one_reading_and_no_copy() {
    for path in ["/", "/a/b.c", "/a.b/c-d_e~", "/a?x=%2F//;", "/a..b", "/+~@:(',"] {
        assert!(
            matches!(Readings::of(Some(path.as_bytes())), Readings::One(_)),
            "{path}"
        );
    }
}

#[test]
fn every_order_of_steps_is_followed() {
    for spelling in [
        "/%61dmin",
        "/%2561dmin",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/..;/admin",
        "/x;y/%2e%2e/admin",
        "\\admin",
        "/admin;v=1",
        "/admin%3Fx",
        "/admin#f",
        "/x%2fy/../%61dmin",
        "/x//../admin",
        "http://h/admin",
        "//h/admin",
        "/x/%252e%252e/admin",
        "/x%5c..%5cadmin",
        "admin",
        "/;x/admin",
        "/x?/../admin",
        "/%5c%5ch/admin",
        "/x%3f/../admin",
        "/.//admin",
        "/x/.%2e/admin",
        "/%2e%2e/admin",
    ] {
        let found = readings(spelling);
        let expected = if spelling.contains('?') {
            "/x"
        } else {
            "/admin"
        };
        assert!(
            found.iter().any(|reading| reading == expected),
            "{spelling}: {found:?}"
        );
    }
}

#[test]
fn a_decoded_control_character_could_mean_any_path() {
    for path in ["/admin%00.png", "/a%09b", "/a%250ab", "/%7f"] {
        assert!(
            matches!(Readings::of(Some(path.as_bytes())), Readings::Any),
            "{path}"
        );
    }
}

#[test]
fn too_many_readings_could_be_any_path() {
    let path = "/%2561;x//../".repeat(5000);
    assert!(matches!(Readings::of(Some(path.as_bytes())), Readings::Any));
    assert!(matches!(Readings::of(None), Readings::Any));
}
