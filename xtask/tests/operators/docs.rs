//! The docs are run: every configuration in them holds, every command is one that there is, every link leads
//! somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use basic_auth_inspect::{Severity, inspect, inspect_configuration};

use super::xtask;

/// A hash where a text has the beginning of one.
const HASHES: [(&str, &str); 2] = [
    (
        "$2y$10$…",
        "$2y$04$9Kituig3gNdg3vedn1rUv.u7zG7zRb66G97mDxdbqLuxO4fgH9a/q",
    ),
    ("$argon2id$…", "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac="),
];

/// A fenced block.
pub(crate) struct Block {
    /// Its file and line.
    pub(crate) place: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Every page that a reader may open.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = xtask::repository_root();
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "tests/README.md",
        "fuzz/README.md",
    ];
    let pages = docs.chain(top.map(|name| root.join(name)));
    pages
        .filter(|page| page.extension().is_some_and(|extension| extension == "md"))
        .map(|page| (page.clone(), fs::read_to_string(page).unwrap()))
        .collect()
}

pub(crate) fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (page, text) in pages() {
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.as_mut()) {
                (Some(language), None) => {
                    let place = format!("{}:{}", page.display(), index + 1);
                    let language = language.trim().to_owned();
                    open = Some(Block {
                        place,
                        language,
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => block.text += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        assert!(
            open.is_none(),
            "{}: a block that does not end",
            page.display()
        );
    }
    blocks
}

#[test]
fn every_configuration_holds() {
    let mut found = 0;
    for Block {
        place,
        language,
        text,
    } in blocks()
    {
        let text = HASHES
            .iter()
            .fold(text, |text, (from, to)| text.replace(from, to));
        let inspection = match language.as_str() {
            "json" if text.contains("basic_auth_rules") => inspect_configuration(&text),
            "yaml" if text.starts_with("configuration:") => inspect(
                format!("name: basic_auth\nvm_config: {{}}\n{text}").as_bytes(),
                &|_| None,
            ),
            "yaml" if text.contains("basic_auth_rules") => inspect(text.as_bytes(), &|_| None),
            "yaml" => {
                let documents: Result<Vec<serde_json::Value>, _> =
                    serde_saphyr::from_multiple(&text);
                documents.unwrap_or_else(|error| panic!("{place}: {error}"));
                continue;
            }
            _ => continue,
        };
        found += 1;
        let errors: Vec<_> = inspection
            .all_findings()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{place}: {errors:#?}");
        assert!(!inspection.configurations.is_empty(), "{place}");
    }
    assert!(found > 20, "only {found} were found");
}

/// The commands of a block, without prompts and comments.
fn commands(block: &Block) -> impl Iterator<Item = Vec<String>> {
    let is_shell = ["console", "sh", "shell", "bash"].contains(&block.language.as_str());
    let lines = block.text.lines().filter(move |_| is_shell);
    let commands = lines.filter_map(|line| {
        let command = line.split_once("cargo xtask ")?.1;
        Some(
            command
                .split(" # ")
                .next()?
                .split([';', '|', '&'])
                .next()?
                .to_owned(),
        )
    });
    commands.map(|command| {
        command
            .split_whitespace()
            .map(|word| word.trim_matches('\'').to_owned())
            .collect()
    })
}

#[test]
fn every_command_is_one_that_there_is() {
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut found = 0;
    for block in blocks() {
        for words in commands(&block) {
            found += 1;
            let flags: Vec<_> = words.iter().filter(|word| word.starts_with("--")).collect();
            // `users add` has a help of its own.
            let of_users = usize::from(words[0] == "users");
            let name = words[..=of_users].join(" ");
            let help = helps.entry(name.clone()).or_insert_with(|| {
                let arguments: Vec<&str> = name.split(' ').chain(["--help"]).collect();
                let said = xtask(Path::new("."), &arguments, b"");
                assert_eq!(
                    said.status,
                    Some(0),
                    "{}: cargo xtask {name}: {}",
                    block.place,
                    said.error
                );
                said.output
            });
            for flag in flags {
                let flag = flag.split('=').next().unwrap();
                assert!(
                    help.contains(flag),
                    "{}: `cargo xtask {name}` knows no {flag}",
                    block.place
                );
            }
        }
    }
    assert!(found > 10, "only {found} were found");
}

#[test]
fn the_commands_of_the_page_on_checks_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("envoy")).unwrap();
    let shipped = xtask::repository_root().join("envoy/envoy.yaml");
    fs::copy(shipped, folder.path().join("envoy/envoy.yaml")).unwrap();
    let blocks = blocks()
        .into_iter()
        .filter(|block| block.place.contains("docs/check.md"));
    for block in blocks {
        for mut words in commands(&block) {
            // What serves does not end.
            if words[0] == "playground" {
                continue;
            }
            let is_asked = words[0] == "users" && ["add", "verify"].contains(&words[1].as_str());
            if is_asked && !words.contains(&"--stdin".to_owned()) {
                words.push("--stdin".to_owned());
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let said = xtask(folder.path(), &words, b"open sesame");
            assert_eq!(
                said.status,
                Some(0),
                "{}: {words:?}: {}",
                block.place,
                said.error
            );
        }
    }
}

/// The targets of a page's links, outside of its blocks.
fn links(text: &str) -> Vec<&str> {
    let mut is_block = false;
    let outside = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    let targets = outside.flat_map(|line| line.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let kept = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = kept
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = 0;
    for (page, text) in pages() {
        for link in links(&text)
            .into_iter()
            .filter(|link| !link.contains("://"))
        {
            found += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                assert!(
                    anchors(&text).iter().any(|known| known == anchor),
                    "{}: {link} has no such heading",
                    page.display()
                );
            }
        }
    }
    assert!(found > 10, "only {found} were found");
}

/// What a text outside of this repository is linked as, as far as that can be told without asking for it.
fn is_plausible(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_host = host.contains('.') && !host.ends_with('.') && !host.contains("..");
    is_host
        && host
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        && !path.ends_with(['.', ',', ';', ':'])
        && !path.contains("//")
        && url.chars().all(|c| c.is_ascii_graphic())
}

#[test]
fn every_link_to_elsewhere_is_well_formed_and_given_once_on_a_page() {
    let mut found = 0;
    for (page, text) in pages() {
        let mut seen = BTreeSet::new();
        for link in links(&text).into_iter().filter(|link| link.contains("://")) {
            found += 1;
            assert!(is_plausible(link), "{}: {link}", page.display());
            assert!(seen.insert(link), "{}: {link} twice", page.display());
        }
    }
    assert!(found > 5, "only {found} were found");
    for broken in [
        "http://rustup.rs",
        "https://rustup",
        "https://rustup.rs/.",
        "https://a.b/ c",
    ] {
        assert!(!is_plausible(broken), "{broken}");
    }
}

/// The lines of shells that begin with this program, without their comments.
fn lines_of(program: &str) -> Vec<(String, String)> {
    let is_shell = |block: &Block| ["console", "sh", "shell", "bash"].contains(&&*block.language);
    let of_block = |block: Block| {
        let lines = block.text.lines().filter_map(|line| {
            let line = line.trim_start_matches("$ ").split(" #").next()?.trim();
            let is_it = line.split(' ').next() == Some(program);
            is_it.then(|| (block.place.clone(), line.to_owned()))
        });
        lines.collect::<Vec<_>>()
    };
    blocks()
        .into_iter()
        .filter(is_shell)
        .flat_map(of_block)
        .collect()
}

#[test]
fn every_htpasswd_command_makes_a_user_whom_the_module_takes() {
    let lines = lines_of("htpasswd");
    assert!(!lines.is_empty());
    for (place, line) in lines {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.htpasswd");
        fs::write(&file, "").unwrap();
        // The password comes from standard input, and not from a terminal.
        let arguments = line.split(' ').skip(1);
        let mut command = Command::new("htpasswd");
        command.arg("-i").args(arguments).current_dir(folder.path());
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(b"open sesame")
            .unwrap();
        assert!(child.wait().unwrap().success(), "{place}: {line}");
        let name = line.rsplit(' ').next().unwrap();
        let arguments = ["users", "verify", "users.htpasswd", name, "--stdin"];
        let said = xtask(folder.path(), &arguments, b"open sesame");
        assert_eq!(said.status, Some(0), "{place}: {line}: {}", said.error);
        let cost = fs::read_to_string(&file).unwrap();
        assert!(cost.contains(":$2y$10$"), "{place}: {line}: {cost}");
    }
}
