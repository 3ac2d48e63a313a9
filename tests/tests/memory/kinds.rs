//! The kinds of requests: allowed and denied for every reason there is, and hostile ones.

use super::plugins::SLOW_USERS;
use basic_auth_tests::{
    fixture::{basic, get},
    observed::Fields,
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Sha,
    /// Verified before, most of the time.
    Bcrypt,
    Unmatched,
    Exempt,
    Preflight,
    NoCredentials,
    SeveralCredentials,
    OtherScheme,
    /// No base64.
    Malformed,
    UnknownUser,
    WrongPassword,
    Forbidden,
    /// 0xFF in the path and in the credentials.
    NoText,
    /// A path of thousands of readings.
    Readings,
    /// A path of ten thousand segments.
    LongPath,
    /// Dot segments, parameters and escapes.
    Disguised,
    /// 40 KB in a field that nobody reads.
    HugeField,
    /// More credentials than are read.
    HugeCredentials,
    /// Ninety fields.
    ManyFields,
    /// An authority and a path for an expression.
    Expression,
    /// One user after the other has a password verified, and makes room for the next in the cache.
    Slow,
    SlowWrong,
    SlowUnknown,
    /// A password that the budget does not admit.
    Scarce,
    /// The stream never ends.
    Abandoned,
}

impl Kind {
    /// One after the other.
    const USUAL: [Self; 14] = [
        Self::Plain,
        Self::Sha,
        Self::Bcrypt,
        Self::Unmatched,
        Self::Exempt,
        Self::Preflight,
        Self::NoCredentials,
        Self::SeveralCredentials,
        Self::OtherScheme,
        Self::Malformed,
        Self::UnknownUser,
        Self::WrongPassword,
        Self::Forbidden,
        Self::NoText,
    ];

    /// In between, since they take long.
    const RARE: [Self; 12] = [
        Self::Readings,
        Self::LongPath,
        Self::Disguised,
        Self::HugeField,
        Self::HugeCredentials,
        Self::ManyFields,
        Self::Expression,
        Self::Slow,
        Self::SlowWrong,
        Self::SlowUnknown,
        Self::Scarce,
        Self::Abandoned,
    ];

    /// Of one request in so many.
    const RARITY: usize = 50;

    /// Of a request by its number.
    pub(super) fn of(number: usize) -> Self {
        match number % Self::RARITY {
            0 => Self::RARE[number / Self::RARITY % Self::RARE.len()],
            _ => Self::USUAL[number % Self::USUAL.len()],
        }
    }

    /// The counter that such a request raises.
    pub(super) fn counter(self) -> &'static str {
        match self {
            Self::Plain | Self::Sha | Self::Bcrypt | Self::Slow => "allowed.authenticated",
            Self::Unmatched | Self::LongPath | Self::HugeField | Self::ManyFields => {
                "allowed.unmatched"
            }
            Self::Exempt => "allowed.exempt",
            Self::Preflight => "allowed.preflight",
            // No other kind has this one: whether Envoy sees such a request is left open.
            Self::Abandoned => "allowed.missing",
            Self::NoCredentials | Self::Readings | Self::Disguised | Self::Expression => {
                "denied.no_credentials"
            }
            Self::SeveralCredentials => "denied.several_credentials",
            Self::OtherScheme => "denied.other_scheme",
            Self::Malformed | Self::NoText | Self::HugeCredentials => "denied.malformed",
            Self::UnknownUser | Self::WrongPassword | Self::SlowWrong | Self::SlowUnknown => {
                "denied.mismatch"
            }
            Self::Forbidden => "denied.forbidden",
            Self::Scarce => "denied.overloaded",
        }
    }

    /// Whether such a request may be answered by this status code.
    pub(super) fn is_answer(self, status: u32) -> bool {
        match self.counter() {
            "denied.forbidden" => status == 403,
            "denied.overloaded" => status == 503 || status == 401,
            counter if counter.starts_with("denied.") => status == 401,
            _ => status == 200,
        }
    }

    /// The fields of a request by its number: paths, users and passwords that were never there
    /// before.
    pub(super) fn fields(self, number: usize) -> Fields {
        let path = |path: &str| format!("{path}/{number}");
        match self {
            Self::Plain => get(&path("/admin"), Some("plain:open sesame")),
            Self::Sha => get(&path("/admin/staff"), Some("sha:open sesame")),
            Self::Bcrypt => get(&path("/bcrypt"), Some("bcrypt:open sesame")),
            Self::Unmatched => get(&path("/static"), None),
            Self::Exempt => get(&format!("/admin/open?{number}"), None),
            Self::Preflight => preflight(&path("/admin")),
            Self::NoCredentials => get(&path("/admin"), None),
            Self::SeveralCredentials => {
                let sent = get(&path("/admin"), Some("plain:open sesame"));
                with(sent, "authorization", basic(&format!("plain:{number}")))
            }
            Self::OtherScheme => authorized(&path("/admin"), format!("Bearer {number}")),
            Self::Malformed => authorized(&path("/admin"), format!("Basic !{number}=")),
            Self::UnknownUser => get("/admin", Some(&format!("nobody-{number}:open sesame"))),
            Self::WrongPassword => get("/admin", Some(&format!("sha:{number}"))),
            Self::Forbidden => get(&path("/admin/staff"), Some("plain:open sesame")),
            Self::NoText => no_text(number),
            Self::Readings => get(
                &format!("{}/admin/{number}", "/%2561;x//..".repeat(100)),
                None,
            ),
            Self::LongPath => get(&format!("/{number}{}", "/a".repeat(10_000)), None),
            Self::Disguised => get(&format!("/{number}/..;/%61dmin/x"), None),
            Self::HugeField => with(get("/", None), "cookie", "x".repeat(40_000)),
            Self::HugeCredentials => authorized("/admin", basic(&"x:".repeat(10_000))),
            Self::ManyFields => many_fields(number),
            Self::Expression => {
                let mut sent = get(&path("/expression"), None);
                sent[0].1 = b"regex.example".to_vec();
                sent
            }
            Self::Slow => {
                let user = number / Self::RARITY % SLOW_USERS;
                get("/slow", Some(&format!("slow-{user}:open sesame")))
            }
            Self::SlowWrong => get("/slow", Some(&format!("slow-7:{number}"))),
            Self::SlowUnknown => get("/slow", Some(&format!("nobody-{number}:x"))),
            Self::Scarce => get("/", Some(&format!("slow:{number}"))),
            Self::Abandoned => get(&path("/maybe"), None),
        }
    }
}

fn with(mut fields: Fields, name: &str, value: impl Into<Vec<u8>>) -> Fields {
    fields.push((name.as_bytes().to_vec(), value.into()));
    fields
}

fn authorized(path: &str, value: String) -> Fields {
    with(get(path, None), "authorization", value)
}

fn preflight(path: &str) -> Fields {
    let mut sent = get(path, None);
    sent[2].1 = b"OPTIONS".to_vec();
    let sent = with(sent, "origin", "https://a.example");
    with(sent, "access-control-request-method", "PUT")
}

fn no_text(number: usize) -> Fields {
    let mut sent = with(get("", None), "authorization", *b"Basic \xff\xfe");
    sent[1].1 = [format!("/admin/{number}").as_bytes(), b"\xff\xc3\x28"].concat();
    sent
}

fn many_fields(number: usize) -> Fields {
    (0..90).fold(get("/", None), |sent, field| {
        with(sent, &format!("x-{field}"), number.to_string())
    })
}
