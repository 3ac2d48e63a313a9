//! What an expression is compiled to: steps, written one after another, that a text is led through.

use super::assertion::Assertion;
use super::error::Fault;
use alloc::vec::Vec;

/// An expression has no more: they take 60 KB, and each is taken at most once for each character.
pub(super) const MAX_STEPS: usize = 5000;

/// Whoever is past the last step at the end of the text has matched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// This character.
    Character(char),
    /// This character, and if it is an ASCII letter the same in the other case.
    AnyCase(char),
    /// A character of the ranges that follow, or none of them.
    Class(Class),
    /// From this character to that.
    Range(char, char),
    /// No character, but this must hold.
    Assert(Assertion),
    /// Both on to the next step, and to the one that is so far from here.
    Fork(i16),
    /// To the step that is so far from here.
    Jump(i16),
}

/// What the [`Step::Range`]s behind it make together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Class {
    /// How many steps that follow are its ranges.
    pub(super) ranges: u16,
    pub(super) is_negated: bool,
    /// Whether an ASCII letter is in it if the same in the other case is.
    pub(super) is_any_case: bool,
}

/// Steps in the making. A part is always the last one, so that it can be repeated: all that leads
/// from one step to another is relative, and a copy of a part means what the part does.
#[derive(Default)]
pub(super) struct Program {
    steps: Vec<Step>,
    /// How many have been written, with those that were dropped again: bounds the time, too.
    written: usize,
}

/// The alternatives of a group that is open.
#[derive(Clone, Copy)]
pub(super) struct Alternatives {
    /// Where the last one starts.
    start: usize,
    /// The jump at the end of the one before: to the end of the last one, where the next jump is.
    jump: Option<usize>,
}

impl Program {
    /// Where the next step will be.
    pub(super) fn end(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// Takes room for so many steps, before they are written.
    pub(super) fn reserve(&mut self, steps: usize) -> Result<(), Fault> {
        self.written = self.written.saturating_add(steps);
        if self.written > MAX_STEPS {
            return Err(Fault::TooLarge);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, step: Step) -> Result<(), Fault> {
        self.reserve(1)?;
        self.steps.push(step);
        Ok(())
    }

    /// Makes the step at `start` this class, of all ranges behind it.
    pub(super) fn close_class(&mut self, start: usize, mut class: Class) {
        class.ranges = distance(start + 1, self.end()).unsigned_abs();
        self.replace(start, Step::Class(class));
    }

    /// The alternatives of a group that starts here.
    pub(super) fn alternatives(&self) -> Alternatives {
        Alternatives {
            start: self.end(),
            jump: None,
        }
    }

    /// Ends an alternative; another follows.
    pub(super) fn next_alternative(&mut self, group: &mut Alternatives) -> Result<(), Fault> {
        self.reserve(2)?;
        let past_jump = distance(group.start, self.end()) + 2;
        self.steps.insert(group.start, Step::Fork(past_jump));
        self.end_alternative(*group);
        group.jump = Some(self.end());
        self.steps.push(Step::Jump(0));
        group.start = self.end();
        Ok(())
    }

    /// Ends an alternative, be it the last.
    pub(super) fn end_alternative(&mut self, group: Alternatives) {
        if let Some(jump) = group.jump {
            self.replace(jump, Step::Jump(distance(jump, self.end())));
        }
    }

    /// Repeats the part from `start` on.
    pub(super) fn repeat(
        &mut self,
        start: usize,
        least: usize,
        most: Option<usize>,
    ) -> Result<(), Fault> {
        let length = self.end().saturating_sub(start);
        let optional = most.map_or(0, |most| most.saturating_sub(least));
        let copies = most.unwrap_or(least.max(1));
        // An empty part counts, too: repeating it takes time. So does a part that stays as it is.
        let steps = copies
            .saturating_mul(length.max(1))
            .saturating_add(most.map_or(2, |_| optional));
        self.reserve(steps.saturating_sub(length).max(1))?;
        let part = self.steps.split_off(start);
        let forward = distance(0, length) + 1;
        for _ in 0..least {
            self.steps.extend(&part);
        }
        match most {
            None if least == 0 => {
                self.steps.push(Step::Fork(forward + 1));
                self.steps.extend(&part);
                self.steps.push(Step::Jump(-forward));
            }
            None => self.steps.push(Step::Fork(1 - forward)),
            Some(_) => {
                for left in (1..=distance(0, optional)).rev() {
                    self.steps.push(Step::Fork(left * forward));
                    self.steps.extend(&part);
                }
            }
        }
        Ok(())
    }

    fn replace(&mut self, place: usize, step: Step) {
        if let Some(old) = self.steps.get_mut(place) {
            *old = step;
        }
    }
}

/// Between two steps, of which there are at most [`MAX_STEPS`].
// Called from many places: not inlined, it is small.
#[inline(never)]
fn distance(from: usize, to: usize) -> i16 {
    i16::try_from(to.saturating_sub(from)).unwrap_or(i16::MAX)
}
