//! The requests that a server is asked: single changes of ordinary ones, then made-up ones.

use basic_auth_model::{Choices, Spelling};

use crate::content::Content;
use crate::definition::Definition;
use crate::request::Request;

/// Fields by which some server moves the path, in several spellings of their names.
const PATH_FIELDS: &[&str] = &[
    "SCRIPT_NAME",
    "Script-Name",
    "script.name",
    "PATH_INFO",
    "Path-Info",
    "Daphne-Root-Path",
    "daphne_root_path",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-URI",
    "X-Forwarded-Prefix",
    "X-Forwarded-Path",
    "X-Forwarded-Uri",
    "X-Script-Name",
    "X-Accel-Redirect",
    "X-Sendfile",
    "Root-Path",
    "Request-URI",
    "REQUEST_URI",
    "SCRIPT_URL",
    "REDIRECT_URL",
];

/// Paths that such a field may hold, or that a request with one may have.
const PATHS: &[&str] = &[
    "/",
    "/public",
    "/admin",
    "/admin/secret",
    "/public/admin/secret",
    "/secret",
    "/public/x.php",
];

/// Fields by which some server learns its host.
const HOST_FIELDS: &[&str] = &[
    "X-Forwarded-Host",
    "x_forwarded_host",
    "X-Forwarded-Server",
    "X-Host",
    "X-HTTP-Host-Override",
    "X-Original-Host",
    "Forwarded",
];

/// Forms of the hosts that have content of their own.
const HOSTS: &[&str] = &[
    "open.example",
    "secret.example",
    "SECRET.example",
    "secret.example.",
    "secret.example:80",
    "secret.example:8080",
    "secret.example:",
    "secret.example.:80",
    "user@secret.example",
    "secret.example@open.example",
    "open.example@secret.example",
    "open.example,secret.example",
    "secret.example,open.example",
    "open.example, secret.example",
    "secret.example/",
    "secret.example/open.example",
    "secret.example#open.example",
    "secret.example?open.example",
    "secret.example\\open.example",
    "open.example/secret.example",
    "open.example:80@secret.example",
    "%73ecret.example",
    "secret%2eexample",
    "secret_example",
    "secret.example%00",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.000.000.001",
    "127.0.0.1:80",
    "[::ffff:127.0.0.1]",
    "",
];

/// What a target that names a host begins with.
const AUTHORITIES: &[&str] = &[
    "//HOST",
    "///HOST",
    "/\\HOST",
    "\\\\HOST",
    "http://HOST",
    "http:HOST",
    "//user@HOST",
    "//HOST:80",
    "/%2fHOST",
    "//open.example@HOST",
];

struct Random(fastrand::Rng);

impl Choices for Random {
    fn below(&mut self, count: usize) -> usize {
        self.0.usize(..count)
    }
}

/// What `server` is asked: one in `every` of the requests that have one change, and `count` that are made up.
pub(crate) fn requests(server: &Definition, seed: u64, count: usize, every: usize) -> Vec<Request> {
    let mut requests = spellings(server);
    let mut number = 0;
    requests.retain(|_| {
        number += 1;
        number % every == 0
    });
    requests.extend(path_fields());
    if server.has_hosts {
        requests.extend(hosts());
    }
    let mut random = Random(fastrand::Rng::with_seed(seed));
    let made_up = (0..count).map(|_| made_up(server, &mut random));
    requests.extend(made_up);
    requests
}

fn spellings(server: &Definition) -> Vec<Request> {
    let mut requests = Vec::new();
    for content in server.contents() {
        let spellings = Spelling::single_changes(content.path()).into_iter();
        requests.extend(spellings.map(|Spelling(target)| Request::new(target, content.host())));
    }
    requests
}

fn path_fields() -> Vec<Request> {
    let mut requests = Vec::new();
    // A request for what is protected as it stands would show nothing of the field.
    let is_telling = |target: &&&str| **target != Content::Secret.path();
    for field in PATH_FIELDS {
        for target in PATHS.iter().filter(is_telling) {
            let request = Request::new(*target, "open.example");
            requests.extend(PATHS.iter().map(|value| request.clone().with(field, value)));
        }
    }
    requests
}

fn hosts() -> Vec<Request> {
    let mut requests = Vec::new();
    for content in [Content::Hosted, Content::Address] {
        let path = content.path();
        for host in HOSTS {
            requests.push(Request::new(path, host));
            for authority in AUTHORITIES {
                let target = authority.replace("HOST", host) + path;
                requests.push(Request::new(target, "open.example"));
            }
            let request = Request::new(path, "open.example");
            requests.extend(HOST_FIELDS.iter().map(|field| {
                let value = host_value(field, host);
                request.clone().with(field, &value)
            }));
        }
    }
    requests
}

fn host_value(field: &str, host: &str) -> String {
    match field {
        "Forwarded" => format!("for=192.0.2.1;host=\"{host}\""),
        _ => host.to_owned(),
    }
}

fn made_up(server: &Definition, random: &mut Random) -> Request {
    let contents = server.contents();
    let content = contents[random.below(contents.len())];
    let host = match (content, random.below(8)) {
        (Content::Secret | Content::Script | Content::Folder, 1..) => content.host(),
        (_, 0..4) => pick(HOSTS, random),
        _ => content.host(),
    };
    let Spelling(mut target) = Spelling::compose(content.path(), random);
    if server.has_hosts && random.below(6) == 0 {
        let authority = pick(AUTHORITIES, random).replace("HOST", pick(HOSTS, random));
        target = [authority.as_bytes(), &target].concat();
    }
    let mut request = Request::new(target, host);
    if random.below(8) == 0 {
        request = request.with(pick(PATH_FIELDS, random), pick(PATHS, random));
    }
    if server.has_hosts && random.below(6) == 0 {
        let field = pick(HOST_FIELDS, random);
        request = request.with(field, &host_value(field, pick(HOSTS, random)));
    }
    request
}

fn pick(texts: &'static [&'static str], random: &mut Random) -> &'static str {
    texts[random.below(texts.len())]
}
