//! The key of what this VM remembers.

/// Octets from the host's random source, new for each VM; `None` if it has none to give.
pub(crate) fn random() -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).ok()?;
    Some(secret)
}
