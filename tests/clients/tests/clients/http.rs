//! curl, Python's requests, Node: what each makes of 401, and of a right password.

use super::listener;
use client_tests::{
    program::{Ended, run},
    proxy::{GOOD, WRONG},
    servers::path,
};

fn curl(arguments: &[&str]) -> Ended {
    let always = ["--silent", "--show-error", "--max-time", "30"];
    run("curl", "curl", always.iter().chain(arguments))
}

fn url(name: &str) -> String {
    format!("http://{}/a", listener(name))
}

#[test]
fn curl_gets_in_at_once_or_after_a_challenge_and_is_told_when_it_is_wrong() {
    let url = url("site");
    let status = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{num_connects}",
        &url,
    ];
    for (arguments, expected) in [
        (&["--user", GOOD][..], "200 1"),
        (&["--anyauth", "--user", GOOD], "200 1"),
        (&["--user", WRONG], "401 1"),
        (&["--anyauth", "--user", WRONG], "401 1"),
        (&[], "401 1"),
        (&["--http2-prior-knowledge", "--user", GOOD], "200 1"),
        (&["--http2-prior-knowledge", "--user", WRONG], "401 1"),
    ] {
        let ended = curl(&[arguments, &status].concat());
        assert_eq!(ended.succeeded(), expected, "{arguments:?}");
    }
    let failed = curl(&["--fail", "--user", WRONG, &url]).failed();
    assert_eq!(failed, "curl: (22) The requested URL returned error: 401");
}

#[test]
fn a_client_that_expects_100_continue_hears_401_before_it_sends_gigabytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = folder.path().join("large");
    let file = std::fs::File::create(&large).expect("a file");
    // Not one octet of it is on the disk.
    file.set_len(4 << 30).expect("a sparse file");
    let upload = |name: &str| {
        let url = url(name);
        let format = "%{http_code} %{size_upload}";
        let ended = curl(&[
            "--user",
            WRONG,
            "--header",
            "Expect: 100-continue",
            "--expect100-timeout",
            "20",
            "--upload-file",
            path(&large),
            "--dump-header",
            "-",
            "--output",
            "/dev/null",
            "--write-out",
            format,
            &url,
        ]);
        let said = ended.succeeded();
        let status = |line: &&str| line.starts_with("HTTP/1.1 ");
        let statuses: Vec<String> = said.lines().filter(status).map(str::to_owned).collect();
        (statuses, said.lines().last().unwrap_or_default().to_owned())
    };
    let denied = "HTTP/1.1 401 Unauthorized".to_owned();
    assert_eq!(upload("site"), (vec![denied.clone()], "401 0".to_owned()));
    // What envoy/envoy.yaml has the line for: Envoy asks for the body before any filter is asked.
    let (statuses, _) = upload("slow_to_ask");
    assert_eq!(statuses, ["HTTP/1.1 100 Continue".to_owned(), denied]);
    // The right password, and an upstream that says nothing of 100: curl goes on by itself.
    let small = folder.path().join("small");
    std::fs::write(&small, "abc").expect("a file");
    let ended = curl(&[
        "--user",
        GOOD,
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "0.1",
        "--upload-file",
        path(&small),
        &url("site"),
    ]);
    assert!(ended.succeeded().contains(r#""body_bytes":3"#));
}

const REQUESTS: &str = "
import requests, sys
url, good, wrong = sys.argv[1:]
with requests.Session() as session:
    session.trust_env = False
    print(session.get(url).status_code)
    print(session.get(url, auth=tuple(wrong.split(':'))).status_code)
    answer = session.get(url, auth=tuple(good.split(':')))
    print(answer.status_code, dict(answer.json()['headers'])['x-user'])
    session.auth = ('jürgen', 'päss')
    print(session.post(url, data=b'x' * 1000000).status_code)
";

#[test]
fn pythons_requests_gets_in_and_is_told_when_it_is_wrong() {
    let has_requests = |python: &&str| run(python, "python3", ["-c", "import requests"]).is_success;
    let python = ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(has_requests);
    let python = python.expect("Python's requests: apt-get install -y python3-requests");
    let url = url("site");
    let ended = run(python, "python3", ["-c", REQUESTS, &url, GOOD, WRONG]);
    assert_eq!(ended.succeeded(), "401\n401\n200 alice\n401");
}

const NODE: &str = "
const http = require('node:http');
const [url, good, wrong] = process.argv.slice(1);
const ask = (auth) => new Promise((resolve, reject) => http.get(url, { auth }, (answer) => {
  let body = '';
  answer.on('data', (part) => { body += part; });
  answer.on('end', () => resolve([answer.statusCode, answer.headers['www-authenticate'], body]));
}).on('error', reject));
(async () => {
  for (const auth of [undefined, wrong]) console.log((await ask(auth)).slice(0, 2).join(' '));
  const [status, , body] = await ask(good);
  console.log(status, Object.fromEntries(JSON.parse(body).headers)['x-user']);
  const fetched = await fetch(url, { headers: { authorization: `Basic ${btoa(good)}` } });
  console.log(fetched.status);
})();
";

#[test]
fn node_gets_in_and_is_told_when_it_is_wrong() {
    let url = url("site");
    let ended = run("node", "nodejs", ["--eval", NODE, &url, GOOD, WRONG]);
    let challenge = r#"401 Basic realm="staff", charset="UTF-8""#;
    assert_eq!(
        ended.succeeded(),
        format!("{challenge}\n{challenge}\n200 alice\n200")
    );
}
