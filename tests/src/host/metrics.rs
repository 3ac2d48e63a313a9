//! Statistics, as Envoy's scope keeps them: by name, whatever root context defined them.

use super::memory::Status;
use std::collections::BTreeMap;

const COUNTER: u32 = 0;
const HISTOGRAM: u32 = 2;

/// Every statistic that the module defined.
#[derive(Default)]
pub(super) struct Metrics {
    /// A metric's id is its place here, shifted by two, with its type below.
    names: Vec<String>,
    values: BTreeMap<String, u64>,
}

impl Metrics {
    pub(super) fn define(&mut self, kind: u32, name: String) -> Result<u32, Status> {
        if kind > HISTOGRAM {
            return Err(Status::BadArgument);
        }
        self.values.entry(name.clone()).or_default();
        self.names.push(name);
        let index = u32::try_from(self.names.len() - 1).map_err(|_| Status::BadArgument)?;
        Ok(index << 2 | kind)
    }

    pub(super) fn increment(&mut self, id: u32, by: i64) -> Result<(), Status> {
        // Envoy: a counter only counts up, and a histogram does not count.
        if (id & 3 == COUNTER && by < 0) || id & 3 == HISTOGRAM {
            return Err(Status::BadArgument);
        }
        let value = self.value(id)?;
        *value = value.saturating_add_signed(by);
        Ok(())
    }

    pub(super) fn record(&mut self, id: u32, to: u64) -> Result<(), Status> {
        if id & 3 == COUNTER {
            return Err(Status::BadArgument);
        }
        *self.value(id)? = to;
        Ok(())
    }

    pub(super) fn value(&mut self, id: u32) -> Result<&mut u64, Status> {
        let name = self.names.get((id >> 2) as usize).ok_or(Status::NotFound)?;
        self.values.get_mut(name).ok_or(Status::NotFound)
    }

    pub(super) fn values(&self) -> BTreeMap<String, u64> {
        self.values.clone()
    }
}
