//! Leads a text through the steps of an expression, on all ways at once.

use super::program::{Class, Step};
use alloc::vec::Vec;

/// What a run needs and the next one can use again: four lists of all steps at most.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// For each step the last place in the text, from 1, at which it was taken.
    last_taken: Vec<u32>,
    /// The steps to take at this place. None are left when the place is left.
    here: Vec<u16>,
    /// The steps to take behind the next character.
    next: Vec<u16>,
}

/// Takes each step at most once for each character.
pub(super) fn is_match(steps: &[Step], text: &[u8], memory: &mut Memory) -> bool {
    memory.last_taken.clear();
    memory.last_taken.resize(steps.len(), 0);
    memory.here.clear();
    memory.here.push(0);
    memory.next.clear();
    let mut run = Run {
        steps,
        memory,
        place: 1,
        before: None,
    };
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if !run.passes(character) {
                return false;
            }
        }
        if !chunk.invalid().is_empty() && !run.passes(char::REPLACEMENT_CHARACTER) {
            return false;
        }
    }
    run.ends(None)
}

struct Run<'s> {
    steps: &'s [Step],
    memory: &'s mut Memory,
    /// The place, from 1.
    place: u32,
    /// The character in front of it.
    before: Option<char>,
}

impl Run<'_> {
    /// Goes on to the place behind a character. Whether a match is still possible.
    fn passes(&mut self, character: char) -> bool {
        self.ends(Some(character));
        core::mem::swap(&mut self.memory.here, &mut self.memory.next);
        self.before = Some(character);
        self.place += 1;
        !self.memory.here.is_empty()
    }

    /// Takes all steps that can be taken before the next character. Whether there is none, and the
    /// steps end here.
    fn ends(&mut self, after: Option<char>) -> bool {
        while let Some(mut at) = self.memory.here.pop() {
            loop {
                let here = usize::from(at);
                let Some((step, rest)) = self.steps.get(here..).and_then(<[Step]>::split_first)
                else {
                    if after.is_none() {
                        return true;
                    }
                    break;
                };
                match self.memory.last_taken.get_mut(here) {
                    Some(last) if *last != self.place => *last = self.place,
                    _ => break,
                }
                at = match (*step, after) {
                    (Step::Fork(distance), _) => {
                        self.memory.here.push(at.wrapping_add_signed(distance));
                        at + 1
                    }
                    (Step::Jump(distance), _) => at.wrapping_add_signed(distance),
                    (Step::Assert(assertion), _) if assertion.holds(self.before, after) => at + 1,
                    (step, Some(after)) => {
                        if let Some(length) = length_if_taken(step, after, rest) {
                            self.memory.next.push(at + length);
                        }
                        break;
                    }
                    _ => break,
                };
            }
        }
        false
    }
}

/// How far it is to what follows a step that takes a character, if it takes this one.
fn length_if_taken(step: Step, next: char, rest: &[Step]) -> Option<u16> {
    match step {
        Step::Character(character) => (character == next).then_some(1),
        Step::AnyCase(character) => character.eq_ignore_ascii_case(&next).then_some(1),
        Step::Class(class) => is_in(next, class, rest).then_some(1 + class.ranges),
        _ => None,
    }
}

/// Whether a character is in a class whose ranges these steps start with.
fn is_in(character: char, class: Class, steps: &[Step]) -> bool {
    let has = |character: char| {
        let mut ranges = steps.iter().take(usize::from(class.ranges));
        ranges.any(
            |step| matches!(*step, Step::Range(first, last) if (first..=last).contains(&character)),
        )
    };
    let other_case = match character {
        'a'..='z' => character.to_ascii_uppercase(),
        _ => character.to_ascii_lowercase(),
    };
    (has(character) || class.is_any_case && has(other_case)) != class.is_negated
}
