//! How long the agent waits before it tries again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(20);

/// The time before the next try after so many failures: doubled each time, within half a second and 25 seconds.
/// `jitter` from 0 to 1 spreads the tries of many agents.
pub fn delay_before(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled
        .min(LONGEST)
        .mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_within_a_second_and_later_ones_every_half_minute() {
        let shortest: Vec<_> = (1..9)
            .map(|failures| delay_before(failures, 0.0).as_millis())
            .collect();
        assert_eq!(shortest, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        assert_eq!(delay_before(1, 1.0), Duration::from_millis(625));
        assert_eq!(delay_before(u32::MAX, 1.0), Duration::from_secs(25));
    }
}
