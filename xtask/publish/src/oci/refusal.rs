//! What went wrong with a registry, in one line with the registry's own words.

use std::error::Error as _;

use anyhow::anyhow;
use reqwest::blocking::Response;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

/// Longer texts of a server are cut.
const MAX_WORDS: usize = 200;

/// A server that answers, and not with success.
pub(super) fn refused(who: &str, what: &str, answer: Response) -> anyhow::Error {
    let status = answer.status();
    let field = |name| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let retry_after = field(RETRY_AFTER).map(|wait| match wait.parse::<u64>() {
        Ok(seconds) => format!(" (try again in {seconds} s)"),
        Err(_) => format!(" (try again after {})", one_line(&wait)),
    });
    let is_page = field(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
    let body = answer.text().unwrap_or_default();
    let words = if is_page {
        "a web page, as no registry would answer".to_owned()
    } else {
        words(&body)
    };
    let separator = if words.is_empty() { "" } else { ": " };
    anyhow!(
        "{who} {what}: {status}{separator}{words}{}",
        retry_after.unwrap_or_default()
    )
}

/// A server that does not answer.
pub(super) fn unreachable(who: &str, error: &reqwest::Error) -> anyhow::Error {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let last = causes
        .last()
        .map_or_else(|| error.to_string(), |text| one_line(text));
    // What rustls says of octets that are no TLS record.
    if causes
        .iter()
        .any(|cause| cause.contains("InvalidContentType"))
    {
        return anyhow!("{who} does not speak TLS: if it may be plain HTTP, say --plain-http");
    }
    if error.is_timeout() {
        return anyhow!("{who} does not answer in time");
    }
    anyhow!("{who} cannot be reached: {last}")
}

/// The errors of a registry (`errors[].code`, `message`), else the body itself.
fn words(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let errors = value["errors"].as_array().into_iter().flatten();
    let errors = errors.map(|error| {
        let text = |key: &str| error[key].as_str().map(one_line).unwrap_or_default();
        [text("code"), text("message")]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    });
    let errors: Vec<_> = errors.filter(|error| !error.is_empty()).collect();
    if errors.is_empty() {
        one_line(body)
    } else {
        errors.join("; ")
    }
}

/// A text of a stranger on one line of a terminal.
fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_quoted_on_one_line() {
        for (body, expected) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"no\nway","detail":{}}]}"#,
                "DENIED: no way",
            ),
            (r#"{"errors":[{"code":"A"},{"message":"b"}]}"#, "A; b"),
            (r#"{"errors":[]}"#, r#"{"errors":[]}"#),
            ("slow\u{1b}[2Jdown\r\n", "slow [2Jdown"),
            ("", ""),
        ] {
            assert_eq!(words(body), expected);
        }
        assert_eq!(one_line(&"é".repeat(300)), format!("{} …", "é".repeat(200)));
    }
}
