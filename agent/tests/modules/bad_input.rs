//! What is hostile or broken: each refused with one clear line, and nothing lost that was at work.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use wasm_agent::modules::{LocalError, Modules};

use crate::server::{Reply, Server};
use crate::support::{Agent, gzip, module, module_of_size, pinned, request, sha256, tar, zstd};

/// As much as the tests allow.
const LIMIT: usize = 1 << 20;

async fn refusal_of(body: &[u8]) -> String {
    let agent = Agent::with(|options| options.max_module_bytes = LIMIT as u64).await;
    let server = Server::of(body).await;
    let text = agent.refusal(&request(server.url("/m"))).await;
    assert_eq!(agent.files(), [""; 0]);
    assert_eq!(
        std::fs::read_dir(agent.folder.path().join("cache/downloads"))
            .unwrap()
            .count(),
        0
    );
    text.replace(&server.url("/m"), "URL")
}

fn invalid(cause: &str) -> String {
    format!("fetched Wasm binary from URL is invalid: {cause}")
}

#[tokio::test]
async fn bombs_are_larger_than_the_limit() {
    let bomb = vec![0; 64 << 20];
    let mut module_bomb = module("m");
    module_bomb.resize(64 << 20, 0);
    let too_large = "the Wasm module of URL is larger than 1048576 bytes; `ISTIO_WASM_MAX_BINARY_SIZE_BYTES` is the limit";
    for (name, body) in [
        ("gzip", gzip(&bomb)),
        ("zstd", zstd(&bomb)),
        ("gzip of a module", gzip(&module_bomb)),
        ("zstd of a module", zstd(&module_bomb)),
        ("gzip in gzip", gzip(&gzip(&bomb))),
        ("tar.gz", gzip(&tar(&[("plugin.wasm", &bomb)]))),
        (
            "tar.gz, in a file that nobody wants",
            gzip(&tar(&[("x.wasm", &module("m")), ("x", &bomb)])),
        ),
        ("a module, not packed", module_bomb.clone()),
        ("a tar, not packed", tar(&[("x", &bomb)])),
    ] {
        let begin = Instant::now();
        assert_eq!(refusal_of(&body).await, too_large, "{name}");
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{name} took {:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn archives_without_a_module() {
    let cut = gzip(&module("a module that is cut off"));
    for (name, body, expected) in [
        (
            "absolute names",
            tar(&[("/etc/passwd", &module("m"))]),
            "there is no file in the archive; names that are absolute or lead out of the archive are passed over",
        ),
        (
            "climbing names",
            tar(&[("../../plugin.wasm", &module("m"))]),
            "there is no file in the archive; names that are absolute or lead out of the archive are passed over",
        ),
        (
            "no files",
            tar(&[("x", b"")])[..512].iter().map(|_| 0).collect(),
            "it starts with 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, not with the magic of Wasm",
        ),
        (
            "another file",
            tar(&[("README", b"read me")]),
            "it starts with \"read me\", not with the magic of Wasm",
        ),
        (
            "cut gzip",
            cut[..cut.len() / 2].to_vec(),
            "the archive is broken: incomplete deflate stream",
        ),
        (
            "gzip six times",
            (0..6).fold(module("m"), |inner, _| gzip(&inner)),
            "it is packed more than 4 times",
        ),
        (
            "nothing",
            vec![],
            "it starts with nothing, not with the magic of Wasm",
        ),
    ] {
        let text = refusal_of(&body).await;
        assert_eq!(text, invalid(expected), "{name}");
    }
}

#[tokio::test]
async fn a_zstd_window_of_gigabytes_is_refused() {
    // A frame that claims a window of 2 GiB (RFC 8878, 3.1.1.1.2).
    let text = refusal_of(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00]).await;
    assert_eq!(
        &text[..invalid("the archive is broken").len()],
        invalid("the archive is broken"),
        "{text}"
    );
}

#[tokio::test]
async fn a_million_empty_zstd_frames_are_nothing() {
    let frames = zstd(b"").repeat(100_000);
    assert_eq!(
        refusal_of(&frames).await,
        invalid("it starts with nothing, not with the magic of Wasm")
    );
}

#[tokio::test]
async fn requests_that_are_malformed() {
    let agent = Agent::start().await;
    let way_out = "it starts with http://, https:// or oci://";
    for (url, expected) in [
        (
            "",
            format!("fail to parse Wasm module fetch url: relative URL without a base; {way_out}"),
        ),
        (
            "m.wasm",
            format!("fail to parse Wasm module fetch url: relative URL without a base; {way_out}"),
        ),
        (
            "registry.example/o/m:v1",
            format!("fail to parse Wasm module fetch url: relative URL without a base; {way_out}"),
        ),
        (
            "//h/m",
            format!("fail to parse Wasm module fetch url: relative URL without a base; {way_out}"),
        ),
        (
            "file:///etc/passwd",
            "unsupported Wasm module downloading URL scheme: file".to_owned(),
        ),
        (
            "oci://",
            format!(
                "fail to parse Wasm module fetch url: there is no repository behind the host; {way_out}"
            ),
        ),
    ] {
        assert_eq!(agent.refusal(&request(url)).await, expected, "{url}");
    }
    let server = Server::of(&module("m")).await;
    let url = server.url("/m");
    for sha256 in [
        "xyz",
        "sha256:",
        &sha256(b"")[1..],
        &format!("{}0", sha256(b"")),
        &"g".repeat(64),
    ] {
        let expected =
            format!("the checksum of {url} is malformed: `sha256` is 64 hexadecimal digits");
        assert_eq!(
            agent.refusal(&pinned(url.as_str(), sha256)).await,
            expected,
            "{sha256}"
        );
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_address_that_drops_packets_is_given_up_in_time() {
    // Its queue of one is full, so that the kernel drops further packets.
    let listener = rustix_listener();
    let address = listener.local_addr().unwrap();
    let filler: Vec<_> = (0..3)
        .map(|_| {
            std::thread::spawn(move || {
                std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300))
            })
        })
        .collect();
    let filled: Vec<_> = filler
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let agent = Agent::with(|options| {
        options.request_timeout = Duration::from_millis(200);
        options.max_attempts = 2;
    })
    .await;
    let url = format!("http://{address}/m");
    let begin = Instant::now();
    let text = agent.refusal(&request(url.as_str())).await;
    let head = format!("wasm module download failed after 2 attempts, last error: Get \"{url}\": ");
    assert_eq!(&text[..head.len()], head, "{text}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    drop(filled);
}

/// A socket that listens with a queue of no connections and accepts none.
fn rustix_listener() -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&socket, 0).unwrap();
    TcpListener::from(socket)
}

#[tokio::test]
async fn a_full_disk_is_one_clear_line_and_loses_nothing() {
    const FOLDER: &str = "WASM_AGENT_TEST_FULL_DISK";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let modules = Modules::open(
            crate::support::options(Path::new(&folder)),
            wasm_agent::metrics::Metrics::new(),
        )
        .await
        .unwrap();
        let url = std::env::var("WASM_AGENT_TEST_URL").unwrap();
        let small = modules
            .obtain(&request(format!("{url}/small")))
            .await
            .unwrap();
        for path in ["/large", "/packed"] {
            let large = format!("{url}{path}");
            assert_eq!(
                modules
                    .obtain(&request(large.as_str()))
                    .await
                    .unwrap_err()
                    .to_string(),
                format!(
                    "the Wasm module of {large} cannot be written to the cache folder: File too large (os error 27)"
                )
            );
        }
        assert_eq!(
            modules
                .obtain(&request(format!("{url}/small")))
                .await
                .unwrap()
                .path,
            small.path
        );
        assert_eq!(
            std::fs::read_dir(Path::new(&folder).join("cache/downloads"))
                .unwrap()
                .count(),
            0
        );
        return;
    }
    let server = Server::start(|seen| {
        let large = module(&"x".repeat(2 << 20));
        match seen.path.as_str() {
            "/small" => Reply::body(module("small")),
            "/packed" => Reply::body(gzip(&large)),
            _ => Reply::body(large),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    // A limit of files' sizes is what a test can have of a full disk without being root.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1024; exec {:?} --exact bad_input::a_full_disk_is_one_clear_line_and_loses_nothing",
        std::env::current_exe().unwrap()
    );
    let output = tokio::process::Command::new("bash")
        .args(["-c", &script])
        .env(FOLDER, folder.path())
        .env("WASM_AGENT_TEST_URL", server.url(""))
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test]
async fn local_files_that_are_modules_and_others() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::with(|options| options.max_module_bytes = 1000).await;
    let check = |path: &Path| agent.modules.check_local(path);
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::File::create(&path)
            .unwrap()
            .write_all(content)
            .unwrap();
        path
    };
    assert_eq!(check(&file("good", &module("m"))), Ok(()));
    let bad = file("bad", b"text");
    let cause = "it starts with \"text\", not with the magic of Wasm".to_owned();
    assert_eq!(check(&bad), Err(LocalError::Invalid { path: bad, cause }));
    let missing = folder.path().join("missing");
    let cause = "No such file or directory (os error 2)".to_owned();
    assert_eq!(
        check(&missing),
        Err(LocalError::Unreadable {
            path: missing,
            cause
        })
    );
    // What an xDS server names could have no end.
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let large = file("large", &module_of_size(1001));
    let over = "it is larger than 1000 bytes; `ISTIO_WASM_MAX_BINARY_SIZE_BYTES` is the limit";
    for (path, cause) in [
        ("/dev/zero".into(), "it is no regular file"),
        (pipe, "it is no regular file"),
        (large, over),
    ] {
        let cause = cause.to_owned();
        assert_eq!(check(&path), Err(LocalError::Unreadable { path, cause }));
    }
}

/// A tar with an entry of `kind` before the module that says how it is called.
fn with_name_before(kind: tar::EntryType, name: &[u8], wasm: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, content) in [(kind, name), (tar::EntryType::Regular, wasm)] {
        let mut header = tar::Header::new_gnu();
        header.set_path("short").unwrap();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Names are read into memory: they are bounded, and those of ordinary length are still names.
#[tokio::test]
async fn long_names_in_an_archive_are_read_and_endless_ones_refused() {
    let (wasm, other) = (module("named"), module("other"));
    let long = format!("{}/plugin.wasm", "folder".repeat(40));
    let pax = format!("{} path={long}\n", long.len() + 10);
    for (kind, name) in [
        (tar::EntryType::GNULongName, format!("{long}\0")),
        (tar::EntryType::XHeader, pax),
    ] {
        // The name decides which of the two it is.
        let named = with_name_before(kind, name.as_bytes(), &wasm);
        let both = [&tar(&[("a.wasm", &other)])[..1024], &named].concat();
        let (agent, server) = (Agent::start().await, Server::of(&both).await);
        let file = agent.obtain(&request(server.url("/m"))).await.unwrap();
        assert_eq!(file.checksum, sha256(&wasm), "{kind:?}");
        let endless = gzip(&with_name_before(kind, &vec![b'a'; (1 << 20) + 1], &wasm));
        assert_eq!(
            refusal_of(&endless).await,
            invalid("the archive has a name of 1048577 bytes"),
            "{kind:?}"
        );
    }
}
