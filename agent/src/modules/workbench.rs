//! Where modules are unpacked and verified: a few at a time, since each takes as much memory as it is large.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::fetch::blocking;

/// As many modules at a time. More would wait for the same processors.
const MOST: usize = 4;

/// Cheap to clone; clones have the same room.
#[derive(Clone, Debug)]
pub(super) struct Workbench(Arc<Semaphore>);

impl Default for Workbench {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Workbench {
    /// Does `work`, which blocks, once there is room for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // The semaphore is never closed. What is given up while it is worked on takes its room until the work ends.
        let room = Arc::clone(&self.0).acquire_owned().await;
        blocking(move || {
            let done = work();
            drop(room);
            done
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_few_are_worked_on_at_a_time() {
        let bench = Workbench::default();
        let running = Arc::new(AtomicUsize::new(0));
        let work = (0..3 * MOST).map(|_| {
            let (bench, running) = (bench.clone(), Arc::clone(&running));
            tokio::spawn(async move {
                let work = move || {
                    let count = running.fetch_add(1, Ordering::SeqCst) + 1;
                    std::thread::sleep(Duration::from_millis(5));
                    running.fetch_sub(1, Ordering::SeqCst);
                    count
                };
                bench.run(work).await
            })
        });
        let work: Vec<_> = work.collect();
        let mut most = 0;
        for work in work {
            most = most.max(work.await.unwrap());
        }
        assert!((2..=MOST).contains(&most), "{most} at a time");
    }
}
