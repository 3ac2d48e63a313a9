//! How often and how soon a request is repeated.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The agent asks again at least every 30 s, so that it delivers soon after a server is back, whatever the
/// server said before.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Jittered exponential back-off.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// The first wait, before jitter.
    pub initial: Duration,
    /// No wait is longer than this and half of it.
    pub longest: Duration,
}

impl Default for Backoff {
    /// As Istio's agent waits: 500 ms, times 1.5 each time, up to a minute.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            longest: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The wait after `attempt` attempts, at random between a half and one and a half of what is due.
    pub(super) fn after(&self, attempt: u32) -> Duration {
        let factor = 1.5_f64.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
        let due = (self.initial.as_secs_f64() * factor).min(self.longest.as_secs_f64());
        Duration::from_secs_f64(due * (0.5 + fastrand::f64()))
    }
}

/// What `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3), up to 30 s.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(SystemTime::now())
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(
            RETRY_AFTER,
            value.parse().unwrap(),
        )]))
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("86400"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
        assert_eq!(
            asked(&httpdate::fmt_http_date(tomorrow)),
            Some(LONGEST_RETRY_AFTER)
        );
    }

    #[test]
    fn waits_grow_within_their_jitter_up_to_the_longest() {
        let backoff = Backoff::default();
        for (attempt, due) in [
            (1, 0.5),
            (2, 0.75),
            (3, 1.125),
            (30, 60.0),
            (u32::MAX, 60.0),
        ] {
            let wait = backoff.after(attempt).as_secs_f64();
            assert!(
                (due * 0.5..=due * 1.5).contains(&wait),
                "attempt {attempt}: {wait} s"
            );
        }
    }
}
