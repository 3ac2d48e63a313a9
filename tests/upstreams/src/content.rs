//! What the servers serve, and how an answer shows it.

/// Content that a rule protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// `/admin/secret`.
    Secret,
    /// `/x.php`.
    Script,
    /// `/folder/`.
    Folder,
    /// `/hosted` of the host `secret.example`.
    Hosted,
    /// `/address` of the host `127.0.0.1`.
    Address,
}

impl Content {
    pub(crate) const ALL: [Self; 5] = [
        Self::Secret,
        Self::Script,
        Self::Folder,
        Self::Hosted,
        Self::Address,
    ];

    /// Where it is.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Secret => "/admin/secret",
            Self::Script => "/x.php",
            Self::Folder => "/folder/",
            Self::Hosted => "/hosted",
            Self::Address => "/address",
        }
    }

    /// The host that it is there for.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Secret | Self::Script | Self::Folder => "open.example",
            Self::Hosted => "secret.example",
            Self::Address => "127.0.0.1",
        }
    }

    /// The text in it that is nowhere else.
    fn marker(self) -> &'static str {
        match self {
            Self::Secret => "protected-content:admin/secret",
            Self::Script => "protected-content:x.php",
            Self::Folder => "protected-content:folder",
            Self::Hosted => "protected-content:hosted",
            Self::Address => "protected-content:address",
        }
    }

    /// What `body` has of it.
    pub(crate) fn find(body: &[u8]) -> Option<Self> {
        let has = |content: &Self| {
            let marker = content.marker().as_bytes();
            body.windows(marker.len()).any(|part| part == marker)
        };
        Self::ALL.into_iter().find(has)
    }
}
