//! How far long work is: drawn on a terminal, below the lines that say what is done. Where standard error is no
//! terminal, nothing is drawn.

use std::time::Duration;

use indicatif::{FormattedDuration, ProgressBar, ProgressStyle};

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Is drawn until it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of work that takes so long.
    pub fn of_time(time: Duration) -> Self {
        let bar = ProgressBar::new_spinner().with_message(FormattedDuration(time).to_string());
        Self::drawn(bar, "{spinner} {elapsed_precise} of {msg}")
    }

    /// Of so many steps, each of which [`Progress::step`] ends.
    pub fn of_steps(count: usize) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let template = "{spinner} {bar:30} {pos} of {len}, {eta} left";
        Self::drawn(ProgressBar::new(count), template)
    }

    /// Of something that nobody knows the end of.
    pub fn of(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.into());
        Self::drawn(bar, "{spinner} {msg} {elapsed}")
    }

    /// A step is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    fn drawn(bar: ProgressBar, template: &str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
