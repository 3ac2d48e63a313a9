//! The report of a run: every mismatch together, and how much was run.

use crate::{
    corpus::{Case, Refused, Request},
    observed::Observed,
};

/// What a run has found so far.
#[derive(Debug)]
pub struct Report {
    runner: &'static str,
    requests: usize,
    refused: usize,
    mismatches: Vec<String>,
}

impl Report {
    /// Of a run that is about to begin.
    #[must_use]
    pub fn new(runner: &'static str) -> Report {
        Report {
            runner,
            requests: 0,
            refused: 0,
            mismatches: Vec::new(),
        }
    }

    /// A request was sent, and this came of it.
    pub fn request(&mut self, case: &Case, request: &Request, observed: &Observed) {
        self.requests += 1;
        let differences = request.expect.differences(observed);
        if !differences.is_empty() {
            self.mismatch(&format!("{}, `{}`", case.place, request.name), &differences);
        }
    }

    /// A configuration was refused with this error, or it was not.
    pub fn refused(&mut self, refused: &Refused, error: Result<(), String>) {
        self.refused += 1;
        let differences = match error {
            Ok(()) => vec![
                format!("expected an error with {:?}", refused.error),
                "got      none".into(),
            ],
            Err(error) => refused.differences(&error),
        };
        if !differences.is_empty() {
            self.mismatch(
                &format!("{}, `{}`", refused.place, refused.name),
                &differences,
            );
        }
    }

    /// Something else is wrong.
    pub fn mismatch(&mut self, place: &str, lines: &[String]) {
        self.mismatches
            .push(format!("{place}\n    {}", lines.join("\n    ")));
    }

    /// How many requests were sent.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Ends the run and says how much was run.
    ///
    /// # Panics
    /// With every mismatch when there is one, and when nothing was run.
    #[must_use]
    pub fn finish(self) -> String {
        let Report {
            runner,
            requests,
            refused,
            mismatches,
        } = self;
        let summary = format!("{runner}: {requests} requests, {refused} refused configurations");
        assert!(
            requests > 0 && refused > 0,
            "{summary}: a run without either proves nothing"
        );
        let count = mismatches.len();
        assert!(
            count == 0,
            "{summary}, {count} mismatches:\n\n{}\n",
            mismatches.join("\n\n")
        );
        format!("{summary}, no mismatch")
    }
}

/// Prints a line that the test harness does not swallow: how much was run is worth seeing also
/// when all is well.
pub fn announce(line: &str) {
    use std::io::Write as _;
    // A harness that closed the stream does not want the line.
    let _ = writeln!(std::io::stderr(), "{line}");
}
