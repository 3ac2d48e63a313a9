//! Section 4.3: images, artifacts and indexes, in the layouts that tools make.
//!
//! Different by design: layers are told by their octets, so that an uncompressed one is no failure (line 25 of 4.1);
//! artifacts may have any number of layers; older layers are looked into when the newest has no module.

use wasm_agent::modules::Cause;

use crate::image::{
    DOCKER_MANIFEST, DOCKER_TAR_GZIP, Image, OCI_INDEX, OCI_MANIFEST, OCI_TAR_GZIP, SOLO_WASM,
    Store, index, registry,
};
use crate::server::{Reply, Server};
use crate::support::{Agent, gzip, module, pinned, request, sha256, tar, zstd};

const ZSTD_TAR: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const YAML: &str = "application/vnd.module.wasm.spec.v1+yaml";
const MARKDOWN: &str = "application/vnd.module.wasm.doc.v1+markdown";

fn plugin(wasm: &[u8]) -> Vec<u8> {
    gzip(&tar(&[("plugin.wasm", wasm)]))
}

#[tokio::test]
async fn layouts_that_give_the_module() {
    let (wasm, old) = (module("new"), module("old"));
    for (name, media_type, layers) in [
        (
            "Docker image",
            DOCKER_MANIFEST,
            vec![(DOCKER_TAR_GZIP, plugin(&wasm))],
        ),
        (
            "OCI image",
            OCI_MANIFEST,
            vec![(OCI_TAR_GZIP, plugin(&wasm))],
        ),
        (
            "podman's zstd",
            OCI_MANIFEST,
            vec![(ZSTD_TAR, zstd(&tar(&[("plugin.wasm", &wasm)])))],
        ),
        (
            "not compressed (line 25)",
            OCI_MANIFEST,
            vec![(TAR, tar(&[("plugin.wasm", &wasm)]))],
        ),
        (
            "./plugin.wasm",
            OCI_MANIFEST,
            vec![(OCI_TAR_GZIP, gzip(&tar(&[("./plugin.wasm", &wasm)])))],
        ),
        (
            "in a folder",
            OCI_MANIFEST,
            vec![(OCI_TAR_GZIP, gzip(&tar(&[("a/plugin.wasm", &wasm)])))],
        ),
        (
            "among others",
            OCI_MANIFEST,
            vec![(
                OCI_TAR_GZIP,
                gzip(&tar(&[("x", b"y"), ("plugin.wasm", &wasm)])),
            )],
        ),
        (
            "the newest of two",
            OCI_MANIFEST,
            vec![(OCI_TAR_GZIP, plugin(&old)), (OCI_TAR_GZIP, plugin(&wasm))],
        ),
        (
            "not in the newest",
            OCI_MANIFEST,
            vec![
                (OCI_TAR_GZIP, plugin(&wasm)),
                (OCI_TAR_GZIP, gzip(&tar(&[("etc/motd", b"hi")]))),
            ],
        ),
        (
            "behind layers of nothing, as steps that change no file make them",
            OCI_MANIFEST,
            vec![
                (OCI_TAR_GZIP, plugin(&wasm)),
                (OCI_TAR_GZIP, gzip(&[0; 1024])),
                (TAR, Vec::new()),
            ],
        ),
        (
            "whited out and written again in one layer",
            OCI_MANIFEST,
            vec![
                (OCI_TAR_GZIP, plugin(&old)),
                (
                    OCI_TAR_GZIP,
                    gzip(&tar(&[(".wh.plugin.wasm", b""), ("plugin.wasm", &wasm)])),
                ),
            ],
        ),
        (
            "CNCF",
            OCI_MANIFEST,
            vec![("application/wasm", wasm.clone())],
        ),
        (
            "wasm-to-oci",
            OCI_MANIFEST,
            vec![("application/vnd.wasm.content.layer.v1+wasm", wasm.clone())],
        ),
        (
            "solo-io",
            OCI_MANIFEST,
            vec![
                ("application/vnd.module.wasm.config.v1+json", b"{}".to_vec()),
                (SOLO_WASM, wasm.clone()),
            ],
        ),
        (
            "the layer of Wasm among three",
            OCI_MANIFEST,
            vec![
                (SOLO_WASM, wasm.clone()),
                (YAML, b"y".to_vec()),
                (MARKDOWN, b"m".to_vec()),
            ],
        ),
        (
            "Higress",
            OCI_MANIFEST,
            vec![
                (YAML, b"y".to_vec()),
                (MARKDOWN, b"m".to_vec()),
                (OCI_TAR_GZIP, plugin(&wasm)),
            ],
        ),
        (
            "oras, which calls every file a tar",
            OCI_MANIFEST,
            vec![(TAR, wasm.clone())],
        ),
    ] {
        let agent = Agent::start().await;
        let (server, _store) = registry("v1", &Image::new(media_type, &layers)).await;
        let file = agent.obtain(&request(server.oci("a/b/m:v1"))).await;
        let file = file.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(file.checksum, sha256(&wasm), "{name}");
    }
}

#[tokio::test]
async fn layouts_that_do_not() {
    let wasm = module("m");
    let long = "long/".repeat(1000);
    let names: Vec<_> = (0..=10_000).map(|name| format!(".wh.{name}")).collect();
    let removals: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let mut link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "plugin.wasm", "other.wasm")
        .unwrap();
    let link = link.into_inner().unwrap();
    for (name, layers, cause) in [
        (
            "no layers",
            vec![],
            "the given image is in invalid format as an OCI image: there are no layers".to_owned(),
        ),
        (
            "unknown types",
            vec![(YAML, b"y".to_vec()), (MARKDOWN, b"m".to_vec())],
            format!(
                "the given image is in invalid format as an OCI image: could not find a layer of Wasm or of an image among {YAML}, {MARKDOWN}"
            ),
        ),
        (
            "no plugin.wasm",
            vec![(OCI_TAR_GZIP, gzip(&tar(&[("other.wasm", &wasm)])))],
            "no layer of the image has plugin.wasm".to_owned(),
        ),
        (
            "removed by a newer layer",
            vec![
                (OCI_TAR_GZIP, plugin(&wasm)),
                (OCI_TAR_GZIP, gzip(&tar(&[(".wh.plugin.wasm", b"")]))),
            ],
            "no layer of the image has plugin.wasm".to_owned(),
        ),
        (
            "a link in its place in a newer layer",
            vec![(OCI_TAR_GZIP, plugin(&wasm)), (OCI_TAR_GZIP, gzip(&link))],
            "no layer of the image has plugin.wasm".to_owned(),
        ),
        (
            "its folder emptied by a newer layer",
            vec![
                (OCI_TAR_GZIP, gzip(&tar(&[("a/plugin.wasm", &wasm)]))),
                (OCI_TAR_GZIP, gzip(&tar(&[("a/.wh..wh..opq", b"")]))),
            ],
            "no layer of the image has plugin.wasm".to_owned(),
        ),
        (
            "absolute and climbing names",
            vec![(
                OCI_TAR_GZIP,
                gzip(&tar(&[("/plugin.wasm", &wasm), ("../plugin.wasm", &wasm)])),
            )],
            "no layer of the image has plugin.wasm".to_owned(),
        ),
        (
            "too many removals to remember",
            vec![
                (OCI_TAR_GZIP, plugin(&wasm)),
                (OCI_TAR_GZIP, gzip(&tar(&removals))),
            ],
            "the image removes more than 10000 files".to_owned(),
        ),
        (
            "a type as long as a manifest may be",
            vec![(long.as_str(), b"text".to_vec())],
            format!(
                "the given image is in invalid format as an OCI image: could not find a layer of Wasm or of an image among {}…",
                &long[..394]
            ),
        ),
        (
            "a layer that is no archive",
            vec![(OCI_TAR_GZIP, b"text".to_vec())],
            "a layer is no archive: it starts with \"text\"".to_owned(),
        ),
    ] {
        let agent = Agent::start().await;
        let (server, _store) = registry("v1", &Image::new(OCI_MANIFEST, &layers)).await;
        let url = server.oci("m:v1");
        let error = agent.obtain(&request(url.as_str())).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("could not fetch Wasm binary of {url}: {cause}"),
            "{name}"
        );
        assert_eq!(error.cause(), Cause::Invalid);
        assert_eq!(agent.files(), [""; 0]);
    }
}

#[tokio::test]
async fn any_digest_on_the_way_pins_a_module() {
    let (wasm, other) = (module("m"), module("other"));
    let (image, arm) = (Image::of_module(&wasm), Image::of_module(&other));
    let attestation = Image::new(
        OCI_MANIFEST,
        &[("application/vnd.in-toto+json", b"{}".to_vec())],
    );
    let list = index(&[
        (&arm, "linux", "arm64"),
        (&image, "linux", "amd64"),
        (&attestation, "unknown", "unknown"),
    ]);
    let store = Store::default();
    for (tag, image) in [
        ("arm", &arm),
        ("amd", &image),
        ("attestation", &attestation),
    ] {
        store.push(tag, image);
    }
    store.push_manifest("v1", OCI_INDEX, &list);
    let server = store.serve().await;
    for digest in [sha256(&list), image.digest(), sha256(&wasm)] {
        let file = Agent::start()
            .await
            .obtain(&pinned(server.oci("m:v1"), digest))
            .await
            .unwrap();
        assert_eq!(file.checksum, sha256(&wasm));
    }
    for digest in [sha256(&list), image.digest()] {
        let agent = Agent::start().await;
        let url = server.oci(&format!("m@sha256:{digest}"));
        assert_eq!(
            agent.obtain(&request(url.as_str())).await.unwrap().checksum,
            sha256(&wasm)
        );
        let requests = server.count();
        agent.obtain(&request(url)).await.unwrap();
        assert_eq!(server.count(), requests);
    }
    let url = server.oci("m:v1");
    let refused = Agent::start()
        .await
        .refusal(&pinned(url.as_str(), arm.digest()))
        .await;
    assert_eq!(
        refused,
        format!(
            "module downloaded from {url} has checksum {}, which does not match: {}",
            sha256(&wasm),
            arm.digest()
        )
    );
}

#[tokio::test]
async fn content_under_another_digest_is_refused() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let image = Image::of_module(&wasm);
    let (server, store) = registry("v1", &image).await;
    let asked = sha256(b"asked for");
    store.push_manifest(&format!("sha256:{asked}"), OCI_MANIFEST, &image.manifest);
    let url = server.oci(&format!("m@sha256:{asked}"));
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: it has the digest sha256:{}, not sha256:{asked}",
            image.digest()
        )
    );

    let mut altered = image.clone();
    altered.blobs[0] = plugin(&module("altered"));
    let layer = sha256(&image.blobs[0]);
    let server = Server::start(move |seen| {
        if seen.path.contains("/blobs/") {
            Reply::body(altered.blobs[0].as_slice())
        } else {
            store.answer(seen)
        }
    })
    .await;
    let url = server.oci("m:v1");
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm binary of {url}: the layer sha256:{layer} has the digest sha256:{}",
            sha256(&plugin(&module("altered")))
        )
    );
    assert_eq!(agent.files(), [""; 0]);
}

#[tokio::test]
async fn what_a_registry_says_with_a_status() {
    let error = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"<script>\n"}]}"#;
    let server = Server::start(move |_| Reply::body(error).with_status(404)).await;
    let url = server.oci("p/m:v1");
    assert_eq!(
        Agent::start().await.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: Get \"{}\": \
             wasm module download request failed: status code 404 (MANIFEST_UNKNOWN)",
            server.url("/v2/p/m/manifests/v1")
        )
    );
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let padding = " ".repeat(4 << 20);
    for (content_type, body, cause) in [
        (
            "text/html; charset=utf-8",
            "<html>log in</html>".to_owned(),
            "the registry answered with text/html that starts with \"<html>log in</ht\", not with a manifest",
        ),
        (
            OCI_MANIFEST,
            r#"{"layers":[],"manifests":[]}"#.to_owned(),
            "it has both `layers` and `manifests`",
        ),
        (
            OCI_MANIFEST,
            format!("{padding}{{}}"),
            "Get \"{}\": the answer is larger than 4194304 bytes",
        ),
    ] {
        let server =
            Server::start(move |_| Reply::body(body.as_str()).header("content-type", content_type))
                .await;
        let url = server.oci("p/m:v1");
        let cause = cause.replace("{}", &server.url("/v2/p/m/manifests/v1"));
        assert_eq!(
            Agent::start().await.refusal(&request(url.as_str())).await,
            format!("could not fetch Wasm OCI image {url}: could not fetch manifest: {cause}")
        );
    }
}
