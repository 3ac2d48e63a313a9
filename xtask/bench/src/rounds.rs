//! Rounds of slices: every variant has one in each, in another order each time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::progress::Progress;

use crate::proxy::Proxy;

/// Where the order of slices comes from.
pub(crate) const SEED: u64 = 7617;

/// What requests cost, in nanoseconds.
pub(crate) struct Measured {
    /// To the first variant, in slices.
    base: Vec<f64>,
    /// To each variant, by round: its slice, and those of the first variant before and after it.
    slices: Vec<Vec<(f64, f64, f64)>>,
}

impl Measured {
    /// Measures the first `variants` variants for `duration`. The first round warms up, and does
    /// not count.
    pub(crate) fn during(
        duration: Duration,
        proxy: &mut Proxy,
        variants: usize,
    ) -> anyhow::Result<Self> {
        let mut order: Vec<_> = (1..variants).collect();
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut slices = vec![Vec::new(); variants];
        for &variant in &order {
            proxy.slice(variant)?;
        }
        let mut base = vec![proxy.slice(0)?];
        let _progress = Progress::of_time(duration);
        let start = Instant::now();
        while start.elapsed() < duration {
            random.shuffle(&mut order);
            for &variant in &order {
                let before = base[base.len() - 1];
                let cost = proxy.slice(variant)?;
                let after = proxy.slice(0)?;
                slices[variant].push((cost, before, after));
                base.push(after);
            }
        }
        Ok(Self { base, slices })
    }

    pub(crate) fn rounds(&self) -> usize {
        self.slices.last().map_or(0, Vec::len)
    }

    /// What a request to the first variant costs.
    pub(crate) fn base(&self) -> Summary {
        Summary::of(self.base.clone())
    }

    /// What a request to a variant costs more than one to the first.
    ///
    /// Whatever else runs on the machine slows all by a factor, which changes from one moment to
    /// the next. So each slice is put in relation to its neighbours, and the relation to the
    /// lower quartile of all of those. The minimum is another view, which should show the same:
    /// the lowest cost of all slices against the lowest of the first variant's.
    pub(crate) fn added(&self, variant: usize) -> Summary {
        let base = self.base();
        let relation = |(cost, before, after): &(f64, f64, f64)| cost / ((before + after) / 2.0);
        let slices = &self.slices[variant];
        let added = slices
            .iter()
            .map(|slice| (relation(slice) - 1.0) * base.quartile);
        let costs = slices.iter().map(|(cost, _, _)| *cost);
        Summary {
            minimum: Summary::of(costs.collect()).minimum - base.minimum,
            ..Summary::of(added.collect())
        }
    }
}

/// A distribution, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) minimum: f64,
    /// The lower quartile.
    pub(crate) quartile: f64,
    pub(crate) median: f64,
}

impl Summary {
    /// Of at least one value.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values[(values.len() - 1) * part / 4];
        Self {
            minimum: at(0),
            quartile: at(1),
            median: at(2),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({"minimum": self.minimum, "quartile": self.quartile, "median": self.median})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_minimum_quartile_and_median() {
        let summary = Summary::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            [summary.minimum, summary.quartile, summary.median],
            [1.0, 2.0, 3.0]
        );
    }
}
