//! Regular expressions that the whole of a text must match.
//!
//! Does: compile an expression in the syntax of `docs/configuration.md`, and follow a text through it
//! in a time that is the product of both lengths, whatever the expression is.
//!
//! Does not: search, capture, look around, refer back.

mod assertion;
mod error;
mod parse;
mod program;
mod run;
mod set;
#[cfg(test)]
mod tests;

pub use error::RegexError;

use alloc::boxed::Box;
use core::cell::RefCell;
use program::Step;
use run::Memory;

/// A compiled expression.
#[derive(Debug)]
pub struct Regex {
    /// At most [`program::MAX_STEPS`].
    steps: Box<[Step]>,
    memory: RefCell<Memory>,
}

impl Regex {
    /// # Errors
    /// The expression's first fault, without the expression.
    pub fn parse(expression: &str) -> Result<Self, RegexError> {
        let steps = parse::steps(expression)?.into_boxed_slice();
        Ok(Self {
            steps,
            memory: RefCell::default(),
        })
    }

    /// Whether the whole text matches. Each octet sequence that is no UTF-8 counts as one U+FFFD, as
    /// `String::from_utf8_lossy` has it.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        run::is_match(&self.steps, text, &mut self.memory.borrow_mut())
    }
}
