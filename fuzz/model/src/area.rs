//! Which resolved paths a rule is about, in the plain meaning of its key.

/// The path of a rule: its key and its text in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The key.
    pub key: &'static str,
    /// The text.
    pub text: &'static str,
    /// For a `regex`: whether a path matches it as a whole.
    pub matches: Option<fn(&[u8]) -> bool>,
    /// Paths in it, as an upstream resolves them.
    pub samples: &'static [&'static str],
}

impl Area {
    /// What a rule of this area protects: of every pattern kind, and with octets that are seldom.
    pub const PROTECTED: &'static [Self] = &[
        Self::of("exact", "/admin", &["/admin", "/admin/"]),
        Self::of("exact", "/api/admin", &["/api/admin", "/api/admin/"]),
        Self::of("exact", "/my file", &["/my file"]),
        Self::of("prefix", "/api", &["/api", "/apix", "/api/v1/users"]),
        Self::of("prefix", "/internal/", &["/internal/", "/internal/x"]),
        Self::of(
            "path_separated_prefix",
            "/team/docs",
            &["/team/docs", "/team/docs/1"],
        ),
        Self::of("path_separated_prefix", "/a;b", &["/a;b", "/a;b/c"]),
        Self::of("suffix", ".php", &["/x.php", "/a/b.php/info"]),
        Self::of("suffix", "/edit", &["/a/edit", "/edit"]),
        Self {
            key: "regex",
            text: r"/v[0-9]+/admin(/.*)?",
            matches: Some(is_versioned_admin),
            samples: &["/v1/admin", "/v20/admin/x"],
        },
        Self {
            key: "regex",
            text: r".*\.htm",
            matches: Some(|path| path.ends_with(b".htm")),
            samples: &["/x.htm", "/x.htm/"],
        },
    ];

    /// What a rule of this area lets pass, while the rest is protected.
    pub const OPEN: &'static [Self] = &[
        Self::of("exact", "/healthz", &["/healthz"]),
        Self::of("prefix", "/public/", &["/public/", "/public/x"]),
        Self::of("path_separated_prefix", "/open", &["/open", "/open/x"]),
        Self::of("suffix", ".css", &["/x.css"]),
        Self {
            key: "regex",
            text: r"/assets/[a-z]+\.js",
            matches: Some(is_asset),
            samples: &["/assets/x.js"],
        },
    ];

    const fn of(key: &'static str, text: &'static str, samples: &'static [&'static str]) -> Self {
        Self {
            key,
            text,
            matches: None,
            samples,
        }
    }

    /// Whether this resolved path is to be protected.
    pub fn protects(&self, path: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match self.key {
            "exact" => path == text || path.strip_suffix(b"/") == Some(text),
            // Up to the end of any segment: `/x.php/info` is served by `/x.php`.
            "suffix" => (0..=path.len())
                .filter(|end| {
                    matches!(path.get(*end), None | Some(b'/')) || is_after_slash(path, *end)
                })
                .any(|end| path[..end].ends_with(text)),
            // `/x.htm/` is served by `/x.htm` in many servers, which no expression thinks of.
            "regex" => {
                let without_slash = path.strip_suffix(b"/");
                self.opens(path) || without_slash.is_some_and(|path| self.opens(path))
            }
            _ => self.opens(path),
        }
    }

    /// Whether this resolved path is open, when the area is.
    pub fn opens(&self, path: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match self.key {
            "exact" => path == text,
            "prefix" => path.starts_with(text),
            "path_separated_prefix" => path
                .strip_prefix(text)
                .is_some_and(|rest| matches!(rest, [] | [b'/', ..])),
            "suffix" => path.ends_with(text),
            _ => self.matches.is_some_and(|matches| matches(path)),
        }
    }
}

fn is_after_slash(path: &[u8], end: usize) -> bool {
    end > 0 && path.get(end - 1) == Some(&b'/')
}

fn is_versioned_admin(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/v") else {
        return false;
    };
    let digits = rest
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let after = rest[digits..].strip_prefix(b"/admin");
    digits > 0 && after.is_some_and(|after| matches!(after, [] | [b'/', ..]))
}

fn is_asset(path: &[u8]) -> bool {
    let name = path
        .strip_prefix(b"/assets/")
        .and_then(|path| path.strip_suffix(b".js"));
    name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_lowercase))
}
