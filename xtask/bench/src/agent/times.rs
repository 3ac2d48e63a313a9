//! How long something took, many times.

use std::time::Duration;

/// Times, sorted.
#[derive(Clone, Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so large a part does not exceed, in milliseconds.
    pub(crate) fn quantile_ms(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        let time = self.0.get((last * part).round() as usize);
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let times = (1..=101).rev().map(Duration::from_millis).collect();
        let times = Times::of(times);
        let quantiles = [0.0, 0.5, 0.99, 1.0].map(|part| times.quantile_ms(part));
        assert_eq!(quantiles, [1.0, 51.0, 100.0, 101.0]);
    }
}
