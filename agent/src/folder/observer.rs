//! Watches the folder and the files that it names: by inotify for speed, and by looking for certainty.

use std::collections::{BTreeSet, HashMap};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;

use super::reader::{Reader, Round};
use super::secret::SETTLED;
use super::{Contents, FolderError};

/// How often the files are looked at, whatever inotify says: it may be used up, and does not see everything.
const POLL: Duration = Duration::from_millis(500);
/// How long a writer that does not close its file can delay its being read.
const LONGEST_WRITE: Duration = Duration::from_secs(30);

/// How long the start may wait for files that are being written.
const LONGEST_START: Duration = Duration::from_secs(2);
/// How long events are collected before the files are looked at.
const ROW_OF_EVENTS: Duration = Duration::from_millis(10);

/// A thread that watches until the value is dropped.
pub(super) struct Observer {
    stop: Sender<Wake>,
}

enum Wake {
    Event(notify::Event),
    Stop,
}

impl Observer {
    /// Reads everything once before it returns.
    pub(super) fn start(
        folder: PathBuf,
    ) -> Result<(Self, watch::Receiver<Arc<Contents>>), FolderError> {
        Self::watching_by(watcher, folder)
    }

    fn watching_by(
        watcher: impl FnOnce(Sender<Wake>) -> Option<RecommendedWatcher>,
        folder: PathBuf,
    ) -> Result<(Self, watch::Receiver<Arc<Contents>>), FolderError> {
        let unreadable = |cause| FolderError::Unreadable {
            path: folder.clone(),
            cause,
        };
        let absolute = std::path::absolute(&folder).map_err(unreadable)?;
        let mut reader = Reader::new(absolute);
        reader.check().map_err(unreadable)?;
        let first = settled(&mut reader);
        let (contents, receiver) = watch::channel(first.contents);
        let (stop, wakes) = channel();
        let mut watching = Watching {
            reader,
            watcher: watcher(stop.clone()),
            watched: BTreeSet::new(),
            writers: HashMap::new(),
            wakes,
            contents,
        };
        std::thread::Builder::new()
            .name("folder".to_owned())
            .spawn(move || watching.run(first.is_unsettled))
            .map_err(unreadable)?;
        Ok((Self { stop }, receiver))
    }
}

/// Reads until nothing is being written, so that no Envoy is told that there is nothing of what just came.
fn settled(reader: &mut Reader) -> Round {
    let start = Instant::now();
    loop {
        let round = reader.read(&|_| false);
        if !round.is_unsettled || start.elapsed() > LONGEST_START {
            return round;
        }
        std::thread::sleep(SETTLED / 5);
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // An error means that the thread has ended.
        let _ = self.stop.send(Wake::Stop);
    }
}

fn watcher(events: Sender<Wake>) -> Option<RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event {
            // An error means that nobody watches any more.
            let _ = events.send(Wake::Event(event));
        }
    });
    watcher
        .inspect_err(
            |error| tracing::warn!(%error, "files are not watched but looked at twice a second"),
        )
        .ok()
}

struct Watching {
    reader: Reader,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Files that were written to and not closed since, and when.
    writers: HashMap<PathBuf, Instant>,
    wakes: Receiver<Wake>,
    contents: watch::Sender<Arc<Contents>>,
}

impl Watching {
    fn run(&mut self, mut is_unsettled: bool) {
        loop {
            self.watch_folders();
            if self.wait(if is_unsettled { SETTLED } else { POLL }) {
                return;
            }
            self.writers
                .retain(|_, since| since.elapsed() < LONGEST_WRITE);
            let writers = &self.writers;
            let round = read(&mut self.reader, &|path| writers.contains_key(path));
            let Some(round) = round else { continue };
            is_unsettled = round.is_unsettled;
            self.contents.send_if_modified(|contents| {
                let is_new = !Arc::ptr_eq(contents, &round.contents);
                *contents = round.contents;
                is_new
            });
        }
    }

    fn watch_folders(&mut self) {
        let folders = self.reader.folders();
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for folder in folders.difference(&self.watched) {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "not watched but looked at twice a second");
            }
        }
        for folder in self.watched.difference(&folders) {
            // An error means that it is gone.
            let _ = watcher.unwatch(folder);
        }
        self.watched = folders;
    }

    /// Waits for an event, no longer than `patience`. Tells whether it is over.
    fn wait(&mut self, patience: Duration) -> bool {
        let mut deadline = Instant::now() + patience;
        loop {
            match self
                .wakes
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(Wake::Event(event)) if is_change(event.kind) => {
                    self.note(&event);
                    // Events come in rows.
                    deadline = deadline.min(Instant::now() + ROW_OF_EVENTS);
                }
                // The agent's own looks make such events.
                Ok(Wake::Event(_)) => {}
                Err(RecvTimeoutError::Timeout) => return false,
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    fn note(&mut self, event: &notify::Event) {
        for path in &event.paths {
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) => {
                    self.writers
                        .entry(path.clone())
                        .or_insert_with(Instant::now);
                }
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Remove(_)
                | EventKind::Modify(ModifyKind::Name(_)) => drop(self.writers.remove(path)),
                _ => {}
            }
        }
    }
}

/// Looks at everything. A panic at what a file holds must not end the watching: nobody would see that nothing changes any
/// more, such as a user who is to be locked out.
fn read(reader: &mut Reader, is_written: &dyn Fn(&Path) -> bool) -> Option<Round> {
    let round = panic::catch_unwind(AssertUnwindSafe(|| reader.read(is_written)));
    round
        .inspect_err(|_| tracing::error!("the agent panicked at a file of the folder, and tells on standard error where; what is at work stays"))
        .ok()
}

/// Whether a file may differ after the event.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const RESOURCE: &str = r#"{"name": "a", "typed_config": {"@type": "x/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"vm_config": {"environment_variables": {"key_values": {"USERS": "file://mount/users"}}}}}}"#;

    /// Where inotify is used up, everything is found by looking.
    #[test]
    fn without_inotify_files_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        fs::create_dir(&mount).unwrap();
        fs::create_dir(mount.join("..1")).unwrap();
        fs::write(mount.join("..1/users"), "first").unwrap();
        symlink("..1", mount.join("..data")).unwrap();
        symlink("..data/users", mount.join("users")).unwrap();
        fs::write(folder.path().join("a.json"), RESOURCE).unwrap();
        let (_observer, contents) =
            Observer::watching_by(|_| None, folder.path().to_owned()).unwrap();
        let has = |text: &str| {
            let resources = &contents.borrow().resources;
            let octets = resources.get("a").map(|resource| resource.octets.to_vec());
            octets.is_some_and(|octets| {
                octets
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            })
        };
        let wait_for = |text: &str| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while !has(text) {
                assert!(Instant::now() < deadline, "{text} is not found");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for("first");
        // In place, and as Kubernetes does.
        fs::write(mount.join("..1/users"), "second").unwrap();
        wait_for("second");
        fs::create_dir(mount.join("..2")).unwrap();
        fs::write(mount.join("..2/users"), "third").unwrap();
        symlink("..2", mount.join("..tmp")).unwrap();
        fs::rename(mount.join("..tmp"), mount.join("..data")).unwrap();
        wait_for("third");
    }

    /// Nobody would notice that the folder is not looked at any more.
    #[test]
    fn a_panic_does_not_end_the_watching() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("a.json"),
            RESOURCE.replace("file://", ""),
        )
        .unwrap();
        let mut reader = Reader::new(folder.path().to_owned());
        let deadline = Instant::now() + Duration::from_secs(10);
        // Who writes to a file is asked about once the file has settled.
        while read(&mut reader, &|_| panic!("a reader's panic")).is_some() {
            assert!(Instant::now() < deadline, "the file does not settle");
            std::thread::sleep(Duration::from_millis(10));
        }
        let round = read(&mut reader, &|_| false).unwrap();
        assert_eq!(round.contents.resources.keys().collect::<Vec<_>>(), ["a"]);
    }
}
