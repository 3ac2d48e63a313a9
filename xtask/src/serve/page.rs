//! The page of the playground, under `/`.

use std::path::Path;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::snippet;
use crate::module::{Digest, FILE_NAME};

/// Where the page is told which module is served.
const PLACEHOLDER: &str = "type=\"application/json\">null</script>";

/// The built page.
pub(crate) struct Page(String);

/// What the page tells of the module.
pub(crate) struct Served {
    pub(crate) scheme: &'static str,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) digest: Digest,
    pub(crate) size: usize,
}

impl Page {
    /// Reads the page, if it has been built.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        std::fs::read_to_string(path).ok().map(Self)
    }

    /// Answers a request for `/`; `None` for what is another's.
    pub(crate) fn respond<Body>(
        &self,
        request: &Request<Body>,
        served: &Served,
    ) -> Option<Response<Full<Bytes>>> {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        if request.uri().path() != "/" || !is_read {
            return None;
        }
        let page = self.filled_in(served);
        let length = page.len().into();
        let body = if request.method() == Method::HEAD {
            Bytes::new()
        } else {
            page.into()
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length);
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }

    fn filled_in(&self, served: &Served) -> String {
        let Served {
            scheme,
            address,
            digest,
            size,
        } = served;
        let url = format!("{scheme}://{address}/{digest}/{FILE_NAME}");
        let told = json!({"sha256": digest.to_string(), "size": size, "url": url,
            "envoy": snippet::with_placeholder(scheme, *address, *digest),
            "istio": ISTIO.replace("<url>", &url).replace("<sha256>", &digest.to_string())});
        // In a script, `<` could begin what ends it.
        let told = told.to_string().replace('<', "\\u003c");
        let filled = format!("type=\"application/json\">{told}</script>");
        self.0.replacen(PLACEHOLDER, &filled, 1)
    }
}

const ISTIO: &str = "\
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: basic-auth
  namespace: istio-system
spec:
  # Pods with these labels; without `selector`, every one.
  selector:
    matchLabels: {istio: ingressgateway}
  url: <url>
  sha256: <sha256>
  phase: AUTHN
  failStrategy: FAIL_CLOSE
  pluginConfig:
    <configuration>
";
