//! The cache: section 4.7, restarts, several agents, users, and what `kill -9` leaves.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use wasm_agent::modules::{HolderId, ModuleRequest, ModuleStatus, PullPolicy};

use crate::image::{Image, registry};
use crate::server::{Reply, Server};
use crate::support::{Agent, eventually, gzip, module, module_of_size, request, sha256};

#[tokio::test]
async fn twenty_resources_with_one_url_are_one_download() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let server = Server::of(&wasm).await;
    let requests: Vec<_> = (0..20)
        .map(|number| ModuleRequest {
            resource_name: format!("r{number:02}"),
            ..request(server.url("/m"))
        })
        .collect();
    let mut running = tokio::task::JoinSet::new();
    for wanted in requests {
        let modules = agent.modules.clone();
        running.spawn(async move { modules.obtain(&wanted).await });
    }
    for file in running.join_all().await {
        assert_eq!(file.unwrap().checksum, sha256(&wasm));
    }
    assert_eq!(server.count(), 1);
    let users = (0..20).map(|number| format!("r{number:02}")).collect();
    assert_eq!(
        agent.modules.list(),
        [ModuleStatus {
            url: server.url("/m"),
            checksum: Some(sha256(&wasm)),
            size: Some(wasm.len() as u64),
            users,
            last_error: None
        }]
    );
}

#[tokio::test]
async fn a_module_of_the_limit_is_kept_and_a_larger_one_is_an_error() {
    const LIMIT: usize = 100_000;
    let agent = Agent::with(|options| options.max_module_bytes = LIMIT as u64).await;
    let exact = module_of_size(LIMIT);
    let server = Server::of(&exact).await;
    assert_eq!(
        agent.obtain(&request(server.url("/m"))).await.unwrap().size,
        LIMIT as u64
    );
    for body in [module_of_size(LIMIT + 1), gzip(&module_of_size(LIMIT + 1))] {
        let server = Server::of(&body).await;
        let url = server.url("/m");
        assert_eq!(
            agent.refusal(&request(url.as_str())).await,
            format!(
                "the Wasm module of {url} is larger than {LIMIT} bytes; `ISTIO_WASM_MAX_BINARY_SIZE_BYTES` is the limit"
            )
        );
        assert_eq!(server.count(), 1);
    }
    assert_eq!(agent.files(), [format!("{}.wasm", sha256(&exact))]);
}

#[tokio::test]
async fn a_file_that_is_gone_or_altered_is_fetched_again() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("gone", |path| fs::remove_file(path).unwrap()),
        ("cut", |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(9)
                .unwrap()
        }),
        ("replaced", |path| {
            let other = path.with_extension("other");
            fs::write(&other, module("x")).unwrap();
            fs::rename(other, path).unwrap();
        }),
        ("altered, with its size and its time", |path| {
            let metadata = path.metadata().unwrap();
            let file = File::options().write(true).open(path).unwrap();
            (&file).write_all(&module("x")).unwrap();
            file.set_times(FileTimes::new().set_modified(metadata.modified().unwrap()))
                .unwrap();
        }),
    ];
    for (name, damage) in damages {
        for is_settled in [false, true] {
            let (agent, wasm) = (Agent::start().await, module("m"));
            let server = Server::of(&wasm).await;
            // It is in use meanwhile: what the agent remembers of it is not to be trusted either.
            let used = agent.obtain(&request(server.url("/m"))).await.unwrap();
            if is_settled {
                eventually("a change would show in the file's time", || {
                    is_older_than_a_tick(&used.path)
                })
                .await;
                agent.obtain(&request(server.url("/m"))).await.unwrap();
            }
            damage(&used.path);
            let file = agent.obtain(&request(server.url("/m"))).await.unwrap();
            assert_eq!(fs::read(&file.path).unwrap(), wasm, "{name}");
            assert_eq!((file.path, server.count()), (used.path, 2), "{name}");
        }
    }
}

fn is_older_than_a_tick(path: &Path) -> bool {
    let metadata = path.metadata().unwrap();
    let changed = SystemTime::UNIX_EPOCH
        + Duration::new(
            metadata.ctime().try_into().unwrap(),
            metadata.ctime_nsec().try_into().unwrap(),
        );
    changed
        .elapsed()
        .is_ok_and(|age| age > Duration::from_millis(200))
}

#[tokio::test]
async fn a_restart_finds_what_there_was_without_asking_anybody() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let server = Server::of(&wasm).await;
    let image = Image::of_module(&module("image"));
    let (oci, _store) = registry("v1", &image).await;
    let (by_url, by_tag) = (request(server.url("/m")), request(oci.oci("p/m:v1")));
    let always = ModuleRequest {
        pull_policy: PullPolicy::Always,
        resource_name: "always".to_owned(),
        resource_version: "7".to_owned(),
        ..by_tag.clone()
    };
    for wanted in [&by_url, &by_tag, &always] {
        agent.obtain(wanted).await.unwrap();
    }
    drop((server, oci));
    let agent = agent.restart().await;
    let urls: Vec<_> = agent
        .modules
        .list()
        .into_iter()
        .map(|status| status.url)
        .collect();
    assert_eq!(urls, [by_url.url.clone(), by_tag.url.clone()]);
    assert_eq!(agent.metric("istio_agent_wasm_cache_entries"), 2);
    for wanted in [
        by_url.clone(),
        ModuleRequest {
            sha256: Some(sha256(&wasm)),
            ..by_url
        },
        by_tag.clone(),
        ModuleRequest {
            sha256: Some(image.digest()),
            ..by_tag
        },
        always.clone(),
    ] {
        agent.obtain(&wanted).await.unwrap();
    }
    let newer = ModuleRequest {
        resource_version: "8".to_owned(),
        ..always
    };
    agent.obtain(&newer).await.unwrap_err();
}

#[tokio::test]
async fn a_tag_that_moved_to_something_broken_changes_nothing_but_for_always() {
    let agent = Agent::start().await;
    let (server, store) = registry("v1", &Image::of_module(&module("good"))).await;
    let wanted = request(server.oci("p/m:v1"));
    agent.obtain(&wanted).await.unwrap();
    store.push("v1", &Image::of_module(b"broken"));
    let agent = agent.restart().await;
    assert_eq!(
        agent.obtain(&wanted).await.unwrap().checksum,
        sha256(&module("good"))
    );
    let always = ModuleRequest {
        pull_policy: PullPolicy::Always,
        resource_version: "2".to_owned(),
        ..wanted.clone()
    };
    assert_eq!(
        agent.refusal(&always).await,
        format!(
            "fetched Wasm binary from {} is invalid: it starts with \"broken\", not with the magic of Wasm",
            wanted.url
        )
    );
    assert_eq!(
        agent.obtain(&wanted).await.unwrap().checksum,
        sha256(&module("good"))
    );
}

#[tokio::test]
async fn an_altered_file_is_removed_at_the_start() {
    let agent = Agent::start().await;
    let server = Server::of(&module("m")).await;
    let path = agent.obtain(&request(server.url("/m"))).await.unwrap().path;
    fs::write(&path, module("x")).unwrap();
    let agent = agent.restart().await;
    assert_eq!(agent.files(), [""; 0]);
    agent.obtain(&request(server.url("/m"))).await.unwrap();
}

/// Makes the file at `path` look unused for two days.
fn age(path: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(48 * 60 * 60);
    File::open(path)
        .unwrap()
        .set_times(FileTimes::new().set_modified(long_ago))
        .unwrap();
}

#[tokio::test]
async fn what_an_envoy_holds_is_never_purged_by_any_agent_on_the_folder() {
    let quick = |options: &mut wasm_agent::modules::ModulesOptions| {
        options.expiry = Duration::from_millis(1);
        options.purge_interval = Duration::from_millis(1);
    };
    let agent = Agent::with(quick).await;
    let server = Server::start(|seen| Reply::body(module(&seen.path))).await;
    let held = agent.obtain(&request(server.url("/held"))).await.unwrap();
    let held_by_other = agent.obtain(&request(server.url("/other"))).await.unwrap();

    let mut options = crate::support::options(agent.folder.path());
    options.purge_interval = Duration::from_secs(3600);
    let other = wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
        .await
        .unwrap();
    let (one, two) = (HolderId(1), HolderId(2));
    agent.modules.hold(one, vec![held.path.clone()]);
    other.hold(
        two,
        vec![held_by_other.path.clone(), "/elsewhere/x.wasm".into()],
    );
    let mut names =
        [held.checksum.clone(), held_by_other.checksum.clone()].map(|name| format!("{name}.wasm"));
    names.sort();
    drop((held, held_by_other));

    // A module that nobody holds goes, and with it the purge has been there.
    let before = server.count();
    drop(agent.obtain(&request(server.url("/unused"))).await.unwrap());
    assert_eq!(server.count(), before + 1);
    eventually("the unused module is gone", || agent.files() == names).await;
    agent.modules.hold(one, Vec::new());
    eventually("what is no longer held is gone", || {
        agent.files().len() == 1
    })
    .await;
    other.release(two);
    eventually("what is released is gone", || agent.files().is_empty()).await;
}

#[tokio::test]
async fn what_is_unused_beyond_the_limit_goes_and_the_oldest_first() {
    let agent = Agent::start().await;
    let server =
        Server::start(|seen| Reply::body(module(&format!("{}{}", seen.path, "x".repeat(1000)))))
            .await;
    let mut names = Vec::new();
    for path in ["/1", "/2", "/3"] {
        let file = agent.obtain(&request(server.url(path))).await.unwrap();
        names.push(format!("{}.wasm", file.checksum));
    }
    age(&agent.folder.path().join("cache/modules").join(&names[1]));
    let agent = agent
        .restart_with(|options| {
            options.expiry = Duration::from_secs(96 * 60 * 60);
            options.max_unused_bytes = Some(2100);
            options.purge_interval = Duration::from_millis(1);
        })
        .await;
    names.remove(1);
    names.sort();
    eventually("the oldest is gone", || agent.files() == names).await;
}

#[tokio::test]
async fn two_agents_on_one_folder_share_what_is_in_it() {
    let agent = Agent::start().await;
    let other = wasm_agent::modules::Modules::open(
        crate::support::options(agent.folder.path()),
        wasm_agent::metrics::Metrics::new(),
    )
    .await
    .unwrap();
    let server = Server::start(|seen| Reply::body(module(&seen.path))).await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..40 {
        let modules = if number % 2 == 0 {
            agent.modules.clone()
        } else {
            other.clone()
        };
        let wanted = request(server.url(&format!("/{}", number / 4)));
        running.spawn(async move { modules.obtain(&wanted).await });
    }
    for file in running.join_all().await {
        let file = file.unwrap();
        assert_eq!(sha256(&fs::read(&file.path).unwrap()), file.checksum);
    }
    assert_eq!(agent.files().len(), 10);
    let requests = server.count();
    assert!(requests <= 20, "{requests}");
    for number in 0..10 {
        other
            .obtain(&request(server.url(&format!("/{number}"))))
            .await
            .unwrap();
    }
    assert_eq!(server.count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_does_so_alone_and_the_last_ends_the_download() {
    let agent = Agent::start().await;
    let (gate, gated) = std::sync::mpsc::channel::<()>();
    let gated = std::sync::Mutex::new(gated);
    let server = Server::start(move |seen| {
        if seen.path == "/hang" {
            return Reply::hang();
        }
        tokio::task::block_in_place(|| gated.lock().unwrap().recv_timeout(Duration::from_secs(10)))
            .unwrap();
        Reply::body(module("m"))
    });
    let server = server.await;
    let (modules, wanted) = (agent.modules.clone(), request(server.url("/m")));
    let hurried = ModuleRequest {
        timeout: Some(Duration::from_millis(50)),
        ..wanted.clone()
    };
    let patient = tokio::spawn(async move { modules.obtain(&wanted).await });
    agent.obtain(&hurried).await.unwrap_err();
    gate.send(()).unwrap();
    patient.await.unwrap().unwrap();
    assert_eq!(server.count(), 1);

    let in_flight = || agent.metric("istio_agent_wasm_remote_fetches_in_flight");
    let (modules, wanted) = (agent.modules.clone(), request(server.url("/hang")));
    let given_up = tokio::spawn(async move { modules.obtain(&wanted).await });
    eventually("it runs", || in_flight() == 1).await;
    given_up.abort();
    eventually("it has ended", || in_flight() == 0).await;
    let leftovers = fs::read_dir(agent.folder.path().join("cache/downloads"))
        .unwrap()
        .count();
    assert_eq!(leftovers, 0);
}
