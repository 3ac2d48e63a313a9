//! What happens to files on their way: what tools, editors and shells make of them, and single octets.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;

/// What happens to one line of a user list.
const TO_A_LINE: [fn(&str) -> String; 30] = [
    |line| format!("\u{feff}{line}"),
    |line| format!("  {line}"),
    |line| format!("{line}  \t"),
    |line| format!("\"{line}\""),
    |line| format!("'{line}'"),
    |line| format!("- {line}"),
    |line| format!("{line},"),
    |line| format!("{line} # the boss"),
    |line| format!("{line}:the boss"),
    |line| format!("{line}\r"),
    |line| format!("{line}\0"),
    |line| line.replace('$', "$$"),
    |line| line.replace('$', "\\$"),
    shell_ate,
    |line| line.replacen(':', "::", 1),
    |line| line.replacen(':', ": ", 1),
    |line| line.replacen(':', " : ", 1),
    |line| line.replacen(':', "=", 1),
    |line| line.replacen(':', "\t", 1),
    |line| line.replacen(':', "\u{200b}:", 1),
    |line| line.replacen(':', ":\u{a0}", 1),
    |line| line.replacen(':', "\u{ff1a}", 1),
    |line| {
        line.split_once(':')
            .map_or_else(String::new, |(user, hash)| format!("{hash}:{user}"))
    },
    |line| {
        line.split_once(':')
            .map_or_else(String::new, |(_, hash)| hash.to_owned())
    },
    |line| {
        line.split_once(':')
            .map_or_else(String::new, |(user, hash)| {
                format!("{user}:{}", STANDARD.encode(hash))
            })
    },
    |line| STANDARD.encode(line),
    |line| line.to_uppercase(),
    |line| line.to_lowercase(),
    |line| format!("{line}{line}"),
    |line| format!("{line}\n{line}"),
];

/// What happens to a whole list.
const TO_A_LIST: [fn(&str) -> String; 8] = [
    |list| list.replace('\n', "\r\n"),
    |list| list.replace('\n', "\r"),
    |list| list.replace('\n', "\\n"),
    |list| list.replace('\n', ","),
    |list| list.replace('\n', " "),
    |list| STANDARD.encode(list),
    |list| list.chars().flat_map(|letter| [letter, '\0']).collect(),
    |list| format!("\u{feff}# users\n\n{list}\n"),
];

/// `$word` and `$1` without a value, as in a shell's double quotes.
fn shell_ate(line: &str) -> String {
    let mut parts = line.split('$');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        kept + part.trim_start_matches(is_word)
    })
}

/// One accident to a list of users, and the lines that are not touched by it.
pub(crate) fn to_users(list: &str, random: &mut Rng) -> String {
    if random.u8(..8) == 0 {
        return TO_A_LIST[random.usize(..TO_A_LIST.len())](list);
    }
    let mut lines: Vec<String> = list.lines().map(str::to_owned).collect();
    let line = random.usize(..lines.len());
    lines[line] = if random.bool() {
        TO_A_LINE[random.usize(..TO_A_LINE.len())](&lines[line])
    } else {
        String::from_utf8_lossy(&to_octets(lines[line].as_bytes(), random)).into_owned()
    };
    lines.join("\n")
}

/// One edit of a text, as octets: what is left need not be UTF-8.
pub(crate) fn to_octets(text: &[u8], random: &mut Rng) -> Vec<u8> {
    /// What means something to one of the parsers.
    const TELLING: &[u8] = b"\"'\\/{}[],:;$*%?#.- \n\t\0\xff\xef@=aA019";
    let mut text = text.to_vec();
    let at = random.usize(..text.len());
    let end = (at + random.usize(1..12)).min(text.len());
    let octet = TELLING[random.usize(..TELLING.len())];
    match random.u8(..8) {
        0 | 1 => text[at] = octet,
        2 | 3 => text.insert(at, octet),
        4 => drop(text.remove(at)),
        5 => drop(text.drain(at..end)),
        6 => {
            let again = text[at..end].to_vec();
            text.splice(at..at, again);
        }
        _ => text[at] ^= 1 << random.u8(..8),
    }
    text
}
