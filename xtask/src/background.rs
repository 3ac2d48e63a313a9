//! A thread with its own asynchronous runtime, which ends with the value that owns it.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// Work in the background. Dropping it drops the work and every task that it spawned.
pub(crate) struct Background {
    /// Taken by `drop`: the work ends when it is gone.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts `work` on a thread of its own.
    pub(crate) fn start<Work, Running>(name: &str, work: Work) -> io::Result<Self>
    where
        Work: FnOnce() -> Running + Send + 'static,
        Running: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        _ = stopped => {}
                        () = work() => {}
                    }
                });
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the background was already printed where it happened.
            let _ = thread.join();
        }
    }
}
