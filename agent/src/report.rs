//! What the agent tells the operator about extension configurations: one line an event, and no secrets.

use std::borrow::Cow;

use crate::ecds::Report;

/// Logs what happened on a stream.
pub fn log(stream: u64, report: &Report) {
    match report {
        Report::Failed {
            name,
            reason,
            retry,
        } => {
            let retry = retry.map_or("not before it changes".to_owned(), |after| {
                format!("in {:.1} s", after.as_secs_f64())
            });
            let (name, reason) = (one_line(name), one_line(reason));
            tracing::warn!(stream, resource = %name, %reason, %retry, "extension configuration refused, the one at work stays");
        }
        Report::Recovered(name) => {
            let name = one_line(name);
            tracing::info!(stream, resource = %name, "extension configuration can be had again");
        }
        Report::RefusedByEnvoy {
            names,
            reason,
            is_restored,
        } => {
            let names = one_line(&names.join(", "));
            let reason = one_line(&without_quotation(reason));
            tracing::warn!(stream, resources = %names, %reason, is_restored, "Envoy refuses extension configurations");
        }
        Report::RemovalHeldBack(name) => {
            let name = one_line(name);
            tracing::info!(stream, resource = %name, "removal held back until Envoy unsubscribes");
        }
        Report::Accepted { name, version } => {
            let (name, version) = (one_line(name), one_line(version));
            tracing::info!(stream, resource = %name, %version, "Envoy accepts an extension configuration");
        }
    }
}

/// Where Envoy begins to quote a configuration: as JSON or as the text form of protobuf.
const QUOTATIONS: [&str; 2] = ["{", " is missing in: "];
/// What comes behind a configuration that is quoted as the text form of protobuf.
const VIOLATION: &str = "Proto constraint validation failed";
/// As many characters of a reason of Envoy's as are shown.
const MOST_REASON: usize = 500;

/// Why Envoy refuses a configuration, without the configuration: where a field is of a wrong type, Envoy quotes it whole, and
/// there are passwords in it.
fn without_quotation(reason: &str) -> Cow<'_, str> {
    // Here the configuration comes first.
    let reason = reason.rfind(VIOLATION).map_or(reason, |at| &reason[at..]);
    let places = QUOTATIONS.iter().filter_map(|begin| reason.find(begin));
    let limit = reason.char_indices().nth(MOST_REASON).map(|(at, _)| at);
    match places.chain(limit).min() {
        Some(end) => Cow::Owned(format!("{}…", &reason[..end])),
        None => Cow::Borrowed(reason),
    }
}

/// A foreign text without what would end a line or move a terminal's cursor.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_quotes_is_not_shown() {
        for (reason, expected) in [
            (
                "Unable to create Wasm plugin lab",
                "Unable to create Wasm plugin lab",
            ),
            (
                r#"Unable to parse JSON as proto (INVALID_ARGUMENT: expected a string): {"config":"s3cret"}"#,
                "Unable to parse JSON as proto (INVALID_ARGUMENT: expected a string): …",
            ),
            (
                "goo.gle/debugproto    config {   name: \"s3cret\" } : Proto constraint validation failed (WasmValidationError)",
                "Proto constraint validation failed (WasmValidationError)",
            ),
            (
                "Field 'code' is missing in: value: \"s3cret\"",
                "Field 'code'…",
            ),
        ] {
            assert_eq!(without_quotation(reason), expected);
        }
        let long = "é".repeat(1000);
        assert_eq!(
            without_quotation(&long),
            format!("{}…", "é".repeat(MOST_REASON))
        );
    }
}
