//! What the agent tells the operator about extension configurations: one line an event, and no secrets.

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
            let reason = one_line(reason);
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
