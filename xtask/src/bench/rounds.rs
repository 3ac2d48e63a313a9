//! Rounds of slices: every variant has one in each, in another order each time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::proxy::Proxy;

/// Where the order of slices comes from.
pub(super) const SEED: u64 = 7617;

/// What requests cost, in nanoseconds.
pub(super) struct Measured {
    /// To the first variant, in slices.
    base: Vec<f64>,
    /// To each variant, by round: its slice, and those of the first variant before and after it.
    slices: Vec<Vec<(f64, f64, f64)>>,
}

impl Measured {
    /// Measures the first `variants` variants for `duration`. The first round warms up, and does
    /// not count.
    pub(super) fn during(
        duration: Duration,
        proxy: &mut Proxy,
        variants: usize,
    ) -> anyhow::Result<Self> {
        let mut order: Vec<_> = (1..variants).collect();
        let mut shuffle = Shuffle(SEED);
        let mut slices = vec![Vec::new(); variants];
        for &variant in &order {
            proxy.slice(variant)?;
        }
        let mut base = vec![proxy.slice(0)?];
        let start = Instant::now();
        while start.elapsed() < duration {
            shuffle.shuffle(&mut order);
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

    pub(super) fn rounds(&self) -> usize {
        self.slices.last().map_or(0, Vec::len)
    }

    /// What a request to the first variant costs.
    pub(super) fn base(&self) -> Summary {
        Summary::of(self.base.clone())
    }

    /// What a request to a variant costs more than one to the first.
    ///
    /// Whatever else runs on the machine slows all by a factor, which changes from one moment to
    /// the next. So each slice is put in relation to its neighbours, and the relation to the
    /// lower quartile of all of those. The minimum is another view, which should show the same:
    /// the lowest cost of all slices against the lowest of the first variant's.
    pub(super) fn added(&self, variant: usize) -> Summary {
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
pub(super) struct Summary {
    pub(super) minimum: f64,
    /// The lower quartile.
    pub(super) quartile: f64,
    pub(super) median: f64,
}

impl Summary {
    /// Of at least one value.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values[(values.len() - 1) * part / 4];
        Self {
            minimum: at(0),
            quartile: at(1),
            median: at(2),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({"minimum": self.minimum, "quartile": self.quartile, "median": self.median})
    }
}

/// A generator of numbers that look random (splitmix64).
struct Shuffle(u64);

impl Shuffle {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// Fisher and Yates.
    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
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

    #[test]
    fn shuffling_loses_nothing() {
        let mut order: Vec<_> = (0..20).collect();
        Shuffle(SEED).shuffle(&mut order);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..20));
    }
}
