//! htpasswd files by themselves.

use std::collections::BTreeMap;

use basic_auth::{Format, HashCostCaps, parse_htpasswd_line};

use crate::findings::{Finding, Severity};
use crate::summary::Summary;

/// Whether this is htpasswd text and no document: every line that says something has a name and a colon,
/// and no blank behind it as YAML has.
pub(crate) fn is_htpasswd(text: &[u8]) -> bool {
    let mut lines = text
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            let colon = line.iter().position(|octet| *octet == b':');
            let is_structure = matches!(
                line,
                [b'{' | b'[' | b'"' | b'}' | b']', ..] | [b'-', b' ' | b'-', ..]
            );
            let after = colon.and_then(|colon| line.get(colon + 1));
            !is_structure && after.is_some_and(|after| *after != b' ')
        })
}

/// What is wrong in each line, and who is known.
pub(crate) fn inspect(text: &[u8]) -> (Vec<Finding>, Summary) {
    let mut findings = Vec::new();
    let mut formats: BTreeMap<Format, usize> = BTreeMap::new();
    let mut names: BTreeMap<Vec<u8>, (usize, [u8; 32])> = BTreeMap::new();
    let mut at = 0;
    for (index, line) in text.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let span = at..at + line.trim_ascii_end().len();
        at += line.len();
        match parse_htpasswd_line(line, index + 1, &HashCostCaps::DEFAULT) {
            Ok(None) => {}
            Ok(Some((name, verifier))) => {
                *formats.entry(verifier.format()).or_default() += 1;
                let known = names.insert(name, (index + 1, *verifier.identity()));
                if let Some((line, _)) =
                    known.filter(|(_, identity)| identity != verifier.identity())
                {
                    let message = format!(
                        "this user is there already in line {line} with another password; keep one"
                    );
                    findings.push(Finding::new(Severity::Error, message, span));
                }
            }
            Err(error) => findings.push(Finding::new(Severity::Error, error.to_string(), span)),
        }
    }
    let formats: Vec<_> = formats.into_iter().collect();
    findings.extend(weak(&formats));
    (findings, Summary::of_users(formats))
}

fn weak(formats: &[(Format, usize)]) -> Option<Finding> {
    let weak = formats.iter().filter(|(format, _)| format.is_weak());
    let weak: Vec<String> = weak
        .map(|(format, count)| format!("{count} {format}"))
        .collect();
    let message = format!(
        "passwords that are easily guessed from what is stored ({}); re-hash with bcrypt",
        weak.join(", ")
    );
    (!weak.is_empty()).then(|| Finding::new(Severity::Warning, message, 0..1))
}
