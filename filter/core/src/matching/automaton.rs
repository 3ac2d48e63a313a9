//! The paths of rules as finite automata: what one has and others have not, for the tools. The module has
//! no room for this.

use super::pattern::{PathPattern, Position, TextPattern};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use regex_automata::dfa::Automaton;
use regex_automata::dfa::dense::{Builder, Config, DFA};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, util::syntax};

/// The most memory that an automaton may take.
const MAX_OCTETS: usize = 4 * 1024 * 1024;

/// The most pairs of states that are looked at.
const MAX_PAIRS: usize = 50_000;

/// The most examples that are collected.
const MAX_EXAMPLES: usize = 64;

/// What octets are tried first, so that examples read like paths.
const READABLE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/-_.~";

/// What a pattern has and others have not.
pub(crate) enum Difference {
    /// Nothing: they have all of it.
    Nothing,
    /// Such paths, the shortest first.
    Paths(Vec<Vec<u8>>),
}

/// What `own` has, as it is written, and none of `others`. `None` if that takes too much to find out.
pub(crate) fn difference(own: &PathPattern, others: &[&PathPattern]) -> Option<Difference> {
    let own = automaton(&[expression(own)])?;
    let others: Vec<String> = others.iter().map(|other| expression(other)).collect();
    let others = automaton(&others)?;
    let search = Search {
        alphabet: alphabet(&own, &others),
        own: &own,
        others: &others,
    };
    search.run()
}

/// A pattern as an expression that the whole path must match.
fn expression(pattern: &PathPattern) -> String {
    match pattern {
        PathPattern::Regex(regex) => regex.source().into(),
        PathPattern::Text(text) => text_expression(text),
    }
}

fn text_expression(pattern: &TextPattern) -> String {
    let one = |text: &Vec<u8>| {
        let escaped = literal(text);
        match pattern.position {
            Position::Exact => escaped,
            Position::Prefix => format!("{escaped}.*"),
            Position::PathSeparatedPrefix if text.ends_with(b"/") => format!("{escaped}.*"),
            Position::PathSeparatedPrefix => format!("{escaped}(?:/.*)?"),
            Position::Suffix => format!(".*{escaped}"),
        }
    };
    let texts: Vec<String> = pattern.narrow.iter().map(one).collect();
    format!(r"\A(?:{})\z", texts.join("|"))
}

fn literal(text: &[u8]) -> String {
    text.iter().map(|octet| format!(r"\x{octet:02X}")).collect()
}

/// One that accepts what any of these does. `regex-lite` knows ASCII alone where `regex-syntax` knows
/// Unicode, so that an expression which needs that is left out of account.
fn automaton(expressions: &[String]) -> Option<DFA<Vec<u32>>> {
    let syntax = syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true);
    let config = Config::new()
        .dfa_size_limit(Some(MAX_OCTETS))
        .determinize_size_limit(Some(MAX_OCTETS));
    Builder::new()
        .configure(config)
        .syntax(syntax)
        .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
        .build_many(expressions)
        .ok()
}

/// One octet of each kind that neither automaton tells apart.
fn alphabet(own: &DFA<Vec<u32>>, others: &DFA<Vec<u32>>) -> Vec<u8> {
    let mut kinds = BTreeSet::new();
    let rest = 0..=u8::MAX;
    let octets = READABLE.iter().copied().chain(rest);
    let is_new = |octet: &u8| {
        let kind = |automaton: &DFA<Vec<u32>>| automaton.byte_classes().get(*octet);
        kinds.insert((kind(own), kind(others)))
    };
    octets.filter(is_new).collect()
}

struct Search<'s> {
    own: &'s DFA<Vec<u32>>,
    others: &'s DFA<Vec<u32>>,
    alphabet: Vec<u8>,
}

/// A state of each automaton.
type Pair = (StateID, StateID);

impl Search<'_> {
    /// Walks both automata at once, breadth first.
    fn run(&self) -> Option<Difference> {
        let start = (begin(self.own)?, begin(self.others)?);
        // Every path begins with a slash.
        let first = self.step(start, b'/');
        let mut known = BTreeSet::from([first]);
        let mut queue = VecDeque::from([(first, Vec::from(*b"/"))]);
        let mut paths = Vec::new();
        while let Some((pair, path)) = queue.pop_front() {
            if self.is_in_own_alone(pair) {
                paths.push(path.clone());
            }
            if paths.len() >= MAX_EXAMPLES || known.len() > MAX_PAIRS {
                break;
            }
            for &octet in &self.alphabet {
                let next = self.step(pair, octet);
                if !self.own.is_dead_state(next.0) && known.insert(next) {
                    queue.push_back((next, [path.as_slice(), &[octet]].concat()));
                }
            }
        }
        match (paths.is_empty(), queue.is_empty()) {
            (false, _) => Some(Difference::Paths(paths)),
            (true, true) => Some(Difference::Nothing),
            (true, false) => None,
        }
    }

    fn step(&self, (own, others): Pair, octet: u8) -> Pair {
        (
            self.own.next_state(own, octet),
            self.others.next_state(others, octet),
        )
    }

    fn is_in_own_alone(&self, (own, others): Pair) -> bool {
        let accepts = |automaton: &DFA<Vec<u32>>, state| {
            automaton.is_match_state(automaton.next_eoi_state(state))
        };
        accepts(self.own, own) && !accepts(self.others, others)
    }
}

fn begin(automaton: &DFA<Vec<u32>>) -> Option<StateID> {
    let start = start::Config::new().anchored(Anchored::Yes);
    automaton.start_state(&start).ok()
}
