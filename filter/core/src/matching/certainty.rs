//! How surely a rule applies to a request.

/// Between "does not apply" (`None` where this is optional) and "surely applies".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// By one reading of the request, and not by another.
    Possible,
    /// By every reading of it.
    Certain,
}
