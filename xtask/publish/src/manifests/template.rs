//! Templates: commented YAML with `{{name}}` where something is put in.

/// Fills a template. A text of several lines keeps the indentation of its place; a line with nothing but a place for
/// an empty text vanishes.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    for line in template.lines() {
        match place(line) {
            None => filled += line,
            Some((before, name, after)) => {
                let value = values.iter().find(|(known, _)| *known == name);
                let value = value.map_or("", |(_, value)| value).trim_end_matches('\n');
                if value.is_empty() && before.trim().is_empty() && after.is_empty() {
                    continue;
                }
                let indentation = before.len() - before.trim_start().len();
                let separator = format!("\n{}", " ".repeat(indentation));
                let value = value.split('\n').collect::<Vec<_>>().join(&separator);
                let rest = fill(after, values);
                filled += &format!("{before}{value}{}", rest.trim_end_matches('\n'));
            }
        }
        filled.push('\n');
    }
    filled
}

fn place(line: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = line.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name, after))
}

/// A text between double quotes, as YAML and JSON have it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_the_indentation_of_their_place() {
        let template = "a: {{one}} # {{two}}\nb:\n  {{many}}\n  {{none}}\nc: |\n  {{many}}\n";
        let values = [
            ("one", "1"),
            ("two", "{{one}}"),
            ("many", "x:\n  y\n"),
            ("none", ""),
        ];
        assert_eq!(
            fill(template, &values),
            "a: 1 # {{one}}\nb:\n  x:\n    y\nc: |\n  x:\n    y\n"
        );
    }
}
