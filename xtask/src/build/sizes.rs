//! How much of the module comes from which crate.

use std::collections::BTreeMap;

use anyhow::Context as _;
use walrus::Module;

use super::strip;

/// What is generic in these belongs to the crate that it was made for.
const STANDARD: [&str; 3] = ["alloc", "core", "std"];

/// A line for each crate, the largest first. The linker has put the data of all crates together, so
/// that it has one line, and so do types, imports and the like.
pub(super) fn table(compiled: &[u8]) -> anyhow::Result<String> {
    let bytes = strip::strip_all_but_names(compiled)?;
    let module = Module::from_buffer(&bytes).context("the stripped module is not valid")?;
    let mut sizes = BTreeMap::new();
    for (id, function) in module.funcs.iter_local() {
        let name = module.funcs.get(id).name.as_deref().unwrap_or_default();
        let size = function
            .original_range
            .as_ref()
            .map_or(0, ExactSizeIterator::len);
        *sizes.entry(owner(name)).or_default() += size;
    }
    let data = module.data.iter().map(|data| data.value.len()).sum();
    sizes.insert("constants of all crates", data);
    let total = strip(compiled)?.len();
    let others = total.saturating_sub(sizes.values().sum());
    sizes.insert("types, imports, sizes of functions", others);
    Ok(lines(&sizes, total))
}

fn lines(sizes: &BTreeMap<&str, usize>, total: usize) -> String {
    let mut lines: Vec<_> = sizes.iter().collect();
    lines.sort_by_key(|(_, size)| std::cmp::Reverse(**size));
    lines
        .into_iter()
        .map(|(name, size)| {
            let percent = size * 100 / total.max(1);
            format!("{size:>8} bytes {percent:>3} %  {name}\n")
        })
        .collect()
}

/// The crate that a function belongs to: the first that its name holds, if possible not one of the
/// standard library.
fn owner(name: &str) -> &str {
    if !name.starts_with("_R") {
        let is_export = strip::EXPORTS.contains(&name);
        return if is_export {
            "basic_auth_filter"
        } else {
            "C library"
        };
    }
    let mut crates = crates(name);
    let first = crates.next().unwrap_or("unknown");
    if STANDARD.contains(&first) {
        crates
            .find(|name| !STANDARD.contains(name))
            .unwrap_or(first)
    } else {
        first
    }
}

/// The crates in a mangled name. In Rust's v0 mangling each is `Cs`, a hash, `_`, the length of the
/// crate's name and the name.
fn crates(mangled: &str) -> impl Iterator<Item = &str> {
    mangled.match_indices("Cs").filter_map(|(index, marker)| {
        let (hash, rest) = mangled[index + marker.len()..].split_once('_')?;
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (length, rest) = rest.split_at(digits);
        let is_hash = hash
            .chars()
            .all(|character| character.is_ascii_alphanumeric());
        // `_` keeps a name that begins with a digit or `_` apart from the length.
        let name = rest.strip_prefix('_').unwrap_or(rest);
        name.get(..length.parse().ok()?).filter(|_| is_hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_crate_that_it_was_made_for() {
        let cases = [
            (
                "_RNvMNtCs1a2B_10basic_auth6policyNtB2_6Policy5parse",
                "basic_auth",
            ),
            (
                "_RINvNtCsdd_4core3ptr13drop_in_placeNtNtCs1a2B_10basic_auth4json4JsonEBH_",
                "basic_auth",
            ),
            ("_RNvNtNtCsdd_4core3fmt5write", "core"),
            ("_RNvCsdd_7___rustc17rust_begin_unwind", "__rustc"),
            ("proxy_on_tick", "basic_auth_filter"),
            ("dlmalloc", "C library"),
        ];
        for (name, expected) in cases {
            assert_eq!(owner(name), expected, "{name}");
        }
    }
}
