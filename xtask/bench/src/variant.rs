//! What the table of `cargo xtask bench` compares.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::bail;

use crate::bootstrap::Filter;
use crate::modules::Modules;
use crate::request::Request;
use xtask::http::{self, Protocol};

/// A filter and the request that it is measured with.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) filter: Filter,
    pub(crate) request: Request,
    /// What a filter that works answers.
    pub(crate) status: u16,
}

impl Variant {
    /// Fails unless the filter at `listener` answers as it should.
    pub(crate) fn check(&self, listener: SocketAddr) -> anyhow::Result<()> {
        let status = http::send(listener, Protocol::Http2, self.request.message()?)?.status;
        if status != self.status {
            bail!("{} answers {status} and not {}", self.name, self.status);
        }
        Ok(())
    }
}

/// The row that every other one is compared with.
pub(crate) const EMPTY_SDK: &str = "empty filter on the Rust SDK";

/// The other one.
pub(crate) const USUAL_SDK: &str = "usual filter on the Rust SDK";

/// The third.
pub(crate) const LUA_CHECK: &str = "the check in Lua";

const USER_NAME: &str = "alice";
const PASSWORD: &str = "wonderland";
const PROTECTED: &str = "/admin/reports?from=2026-01&to=2026-06";
const UNPROTECTED: &str = "/static/app.7f3c1e.js?v=20261122";

const SHA: &str = "alice:{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ=";
const BCRYPT: &str = "alice:$2y$10$MqZyrRnNlMUIL16OVAPJbO8pwC7PxlozX1k1zICrNhybpvAZCmQUu";

/// The same check as the other filters', as an Envoy user would write it.
const LUA: &str = r#"
function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  local method = headers:get(":method")
  local host = headers:get(":authority")
  if method == nil or host == nil or string.sub(path, 1, 6) ~= "/admin" then
    return
  end
  if headers:get("authorization") ~= "ACCEPTED" then
    handle:respond({[":status"] = "401", ["www-authenticate"] = 'Basic realm="lua"'}, "")
  end
end
"#;

/// Every row, in the order of the table. The first is the one without a filter.
pub(crate) fn variants(modules: &Modules) -> Vec<Variant> {
    let accepted = accepted(PROTECTED);
    let wasm = |module: &Path, configuration: &str| Filter::Wasm {
        module: module.to_path_buf(),
        configuration: configuration.to_owned(),
    };
    let others = [
        ("no filter", Filter::None),
        (
            "Envoy's own basic_auth, {SHA}",
            Filter::Native(SHA.to_owned()),
        ),
        ("Wasm module with one export", wasm(&modules.minimal, "")),
        (
            "Wasm module that reads the fields once",
            wasm(&modules.reader, ""),
        ),
        (
            "empty filter on the SDK, unused exports removed",
            wasm(&modules.stripped_sdk, ""),
        ),
        (
            "filter on the SDK that reads the fields once, likewise",
            wasm(&modules.stripped_sdk, "fields"),
        ),
        (EMPTY_SDK, wasm(&modules.empty_sdk, "")),
        (
            LUA_CHECK,
            Filter::Lua(LUA.replace("ACCEPTED", accepted.authorization())),
        ),
        (
            USUAL_SDK,
            wasm(&modules.usual_sdk, accepted.authorization()),
        ),
    ];
    let others = others.map(|(name, filter)| Variant {
        name: name.to_owned(),
        filter,
        request: accepted.clone(),
        status: 200,
    });
    let wrong = Request::new(PROTECTED, USER_NAME, "wonderlang");
    let plain = format!(r#"{{PLAIN}}{PASSWORD}"#);
    let plain = format!("{USER_NAME}:{plain}");
    let ours = [
        (
            "basic_auth.wasm, no rule matches",
            plain.as_str(),
            self::accepted(UNPROTECTED),
            200,
        ),
        (
            "basic_auth.wasm, authenticated, {PLAIN}",
            &plain,
            accepted.clone(),
            200,
        ),
        (
            "basic_auth.wasm, authenticated, {SHA}",
            SHA,
            accepted.clone(),
            200,
        ),
        (
            "basic_auth.wasm, authenticated, bcrypt, verified before",
            BCRYPT,
            accepted,
            200,
        ),
        ("basic_auth.wasm, denied, {SHA}", SHA, wrong, 401),
    ];
    let ours = ours.map(|(name, user, request, status)| Variant {
        name: name.to_owned(),
        filter: wasm(&modules.basic_auth, &configuration(user)),
        request,
        status,
    });
    others.into_iter().chain(ours).collect()
}

fn accepted(path: &str) -> Request {
    Request::new(path, USER_NAME, PASSWORD)
}

/// Two rules, of which at most one matches.
fn configuration(user: &str) -> String {
    serde_json::json!({
        "users": [user, "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="],
        "basic_auth_rules": [
            {"prefix": "/admin"},
            {"prefix": "/metrics", "request_methods": ["GET"]},
        ],
    })
    .to_string()
}
