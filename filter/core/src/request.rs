//! What of a request the decision depends on.

/// The fields of one request, as octets: nothing here needs to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `:method`.
    pub method: Option<&'a [u8]>,
    /// `:authority`, or the `Host` of HTTP/1.1.
    pub authority: Option<&'a [u8]>,
    /// `:path`, with its query.
    pub path: Option<&'a [u8]>,
    /// The values of [`Policy::authentication_header`](crate::Policy::authentication_header).
    pub credentials: FieldValues<'a>,
    /// Has both `Origin` and `Access-Control-Request-Method` (Fetch standard, 3.2.2).
    pub is_cors_preflight: bool,
}

/// The values of one field: one is what RFC 9110, 11.6.2 allows for credentials.
#[derive(Clone, Copy, Debug, Default)]
pub enum FieldValues<'a> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is there once.
    One(&'a [u8]),
    /// The field is there twice or more.
    Several,
}

impl<'a> FieldValues<'a> {
    /// With one more value of the field.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        match self {
            FieldValues::Absent => FieldValues::One(value),
            FieldValues::One(_) | FieldValues::Several => FieldValues::Several,
        }
    }
}

impl<'a> FromIterator<&'a [u8]> for FieldValues<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        values
            .into_iter()
            .fold(FieldValues::Absent, FieldValues::and)
    }
}
