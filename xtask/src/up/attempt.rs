//! The requests that show what the module does, as commands to type and as requests to send.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Request, header};

use crate::http::{self, Answer, Protocol};

/// Between two tries.
const POLL: Duration = Duration::from_millis(50);

/// A request and the status that it has to be answered with.
pub(super) struct Attempt {
    what: &'static str,
    method: &'static str,
    /// Sent exactly so.
    target: &'static str,
    /// User name and password, as curl's `--user` takes them.
    user: Option<&'static str>,
    expected: u16,
}

pub(super) const fn get(target: &'static str, expected: u16, what: &'static str) -> Attempt {
    Attempt {
        what,
        method: "GET",
        target,
        user: None,
        expected,
    }
}

/// What the bootstraps in `envoy/` must do.
pub(super) const ATTEMPTS: [Attempt; 15] = [
    get("/", 200, "a path that no rule protects"),
    get("/admin", 401, "a protected path, without a password"),
    get("/admin", 200, "with the right one").with_user("alice:wonderland"),
    get("/admin", 401, "with a wrong one").with_user("alice:Wonderland"),
    get("/admin", 401, "with an unknown user").with_user("mallory:wonderland"),
    get("/admin", 403, "with a user who may not go there").with_user("deploy:5f2b9c64"),
    get("/admin/users?page=2", 401, "below the protected path").with_method("HEAD"),
    get(
        "/administration",
        200,
        "a path that only begins with the same letters",
    ),
    get("/api/orders", 200, "a method that is not protected"),
    get("/api/orders", 401, "one that is").with_method("DELETE"),
    get("/api/orders", 200, "the same with a password")
        .with_method("DELETE")
        .with_user("deploy:5f2b9c64"),
    get("//admin", 401, "a bypass attempt: an empty segment"),
    get("/%61dmin", 401, "a bypass attempt: an escaped letter"),
    get(
        "/%2561dmin",
        401,
        "a bypass attempt: a letter escaped twice",
    ),
    get(
        "/public/..%2fadmin",
        401,
        "a bypass attempt: an escaped slash after a dot segment",
    ),
];

impl Attempt {
    pub(super) const fn with_user(self, user: &'static str) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }

    pub(super) const fn with_method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// The command line that sends the request to `address`.
    pub(super) fn command(&self, address: SocketAddr) -> String {
        let method = match self.method {
            "GET" => String::new(),
            "HEAD" => " --head".to_owned(),
            other => format!(" --request {other}"),
        };
        let user = self
            .user
            .map(|user| format!(" --user '{user}'"))
            .unwrap_or_default();
        format!(
            "curl --include --path-as-is{method}{user} 'http://{address}{}'",
            self.target
        )
    }

    /// The status that it has to be answered with.
    pub(super) const fn expected(&self) -> u16 {
        self.expected
    }

    /// The same request, to be sent.
    fn request(&self, address: SocketAddr) -> anyhow::Result<Request<()>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("http://{address}{}", self.target));
        if let Some(user) = self.user {
            let credentials = format!("Basic {}", STANDARD.encode(user));
            request = request.header(header::AUTHORIZATION, credentials);
        }
        Ok(request.body(())?)
    }

    /// Sends the request until the answer is what was expected, for at most so long.
    fn answer_within(&self, patience: Duration, address: SocketAddr) -> anyhow::Result<Answer> {
        let deadline = Instant::now() + patience;
        loop {
            let answer = http::send(address, Protocol::Http1, self.request(address)?)?;
            if self.is_met_by(&answer) || Instant::now() >= deadline {
                return Ok(answer);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether `answer` is what was expected. A 401 has to come with a challenge.
    fn is_met_by(&self, answer: &Answer) -> bool {
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        answer.status == self.expected
            && (answer.status == 401) == challenge.starts_with("Basic realm=\"")
    }
}

/// Prints the commands to try and what they answer.
pub(super) fn print_all(attempts: &[Attempt], address: SocketAddr) {
    crate::say!("To try it, in another terminal:");
    for attempt in attempts {
        crate::say!(
            "\n  # {}: expect {}\n  {}",
            attempt.what,
            attempt.expected,
            attempt.command(address)
        );
    }
}

/// Sends the requests and prints the answers. An answer that differs is an error.
pub(super) fn try_all(attempts: &[Attempt], address: SocketAddr) -> anyhow::Result<()> {
    try_within(Duration::ZERO, attempts, address)
}

/// The same, where each answer may take so long to become what is expected.
pub(super) fn try_within(
    patience: Duration,
    attempts: &[Attempt],
    address: SocketAddr,
) -> anyhow::Result<()> {
    let mut differ = 0;
    for attempt in attempts {
        crate::say!(
            "# {}: expect {}\n{}",
            attempt.what,
            attempt.expected,
            attempt.command(address)
        );
        let answer = attempt.answer_within(patience, address)?;
        print_answer(&answer);
        if !attempt.is_met_by(&answer) {
            crate::say!(
                "DIFFERS: {} expected, {}",
                attempt.expected,
                challenge_rule(attempt.expected)
            );
            differ += 1;
        }
        crate::say!("");
    }
    match differ {
        0 => crate::say!("All {} answers are as expected.", attempts.len()),
        _ => bail!(
            "{differ} of {} answers differ from what is expected",
            attempts.len()
        ),
    }
    Ok(())
}

fn challenge_rule(expected: u16) -> &'static str {
    if expected == 401 {
        "with a challenge"
    } else {
        "without a challenge"
    }
}

fn print_answer(answer: &Answer) {
    crate::say!("  {}", answer.status);
    if let Some(challenge) = answer.header("www-authenticate") {
        crate::say!("  www-authenticate: {challenge}");
    }
    if !answer.body.is_empty() {
        crate::say!("  {}", String::from_utf8_lossy(&answer.body).trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> SocketAddr {
        "127.0.0.1:5".parse().unwrap()
    }

    fn answer(status: u16, challenge: &[&str]) -> Answer {
        let headers = challenge
            .iter()
            .map(|value| ("www-authenticate".to_owned(), (*value).to_owned()));
        Answer {
            status,
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn command_and_request_say_the_same() {
        let attempt = get("/a%2fb", 200, "")
            .with_user("Aladdin:open sesame")
            .with_method("HEAD");
        assert_eq!(
            attempt.command(address()),
            "curl --include --path-as-is --head --user 'Aladdin:open sesame' 'http://127.0.0.1:5/a%2fb'"
        );
        let request = attempt.request(address()).unwrap();
        assert_eq!(request.method(), "HEAD");
        assert_eq!(request.uri(), "http://127.0.0.1:5/a%2fb");
        let credentials = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(request.headers()["authorization"], credentials);
        assert_eq!(request.headers().len(), 1);
    }

    #[test]
    fn an_answer_needs_status_and_challenge() {
        let denied = get("/", 401, "");
        assert!(denied.is_met_by(&answer(401, &["Basic realm=\"x\""])));
        assert!(!denied.is_met_by(&answer(401, &[])));
        assert!(!denied.is_met_by(&answer(200, &[])));
        let allowed = get("/", 200, "");
        assert!(allowed.is_met_by(&answer(200, &[])));
        assert!(!allowed.is_met_by(&answer(503, &[])));
    }
}
