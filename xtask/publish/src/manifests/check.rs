//! Whether what is at the URL is what the checksum says, as far as it can be seen from here.

use std::io::Read as _;
use std::time::Duration;

use anyhow::bail;
use reqwest::Url;
use reqwest::blocking::Client;
use xtask::module::Digest;

use super::module_source::ModuleSource;
use crate::oci::registry::use_ring;
use crate::oci::{Registry, Scheme};

/// Long enough for half a megabyte, short enough to wait for where there is nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Envoy loads nothing larger.
const LARGEST: u64 = 32 << 20;

/// Fails when something else is there. What cannot be seen from here is a warning: the cluster may see it.
pub(super) fn fits(source: &ModuleSource, is_plain_http: bool) -> anyhow::Result<()> {
    let (found, expected) = match source {
        ModuleSource::Http { url, checksum } => (download(url), *checksum),
        ModuleSource::Image { reference, digest } => {
            let scheme = if is_plain_http {
                Scheme::Http
            } else {
                Scheme::Https
            };
            let registry = Registry::new(reference, scheme)?;
            (registry.manifest_digest(), *digest)
        }
    };
    match found {
        Ok(found) if found == expected => Ok(()),
        Ok(found) => bail!(
            "the checksum does not fit: at {} is {found}, and it should be {expected}",
            source.url()
        ),
        Err(error) => {
            xtask::warn!(
                "warning: the checksum was not compared with what is at the URL: {error:#}"
            );
            Ok(())
        }
    }
}

fn download(url: &Url) -> anyhow::Result<Digest> {
    use_ring();
    let client = Client::builder().timeout(TIMEOUT).build()?;
    let answer = client.get(url.clone()).send();
    let Ok(answer) = answer else {
        bail!("{} cannot be reached from here", url.authority());
    };
    if !answer.status().is_success() {
        bail!("{} answers {}", url.authority(), answer.status());
    }
    let mut module = Vec::new();
    answer.take(LARGEST).read_to_end(&mut module)?;
    Ok(Digest::of(&module))
}
