//! What stands between the filter and what serves.

use super::upstream;
use crate::step::Escapes::{All, Of, Unreserved};
use crate::step::Step::{
    BackslashIsSlash, CutAt, Decode, Forward, MergeSlashes, Refuse, RefuseInvalidEscapes,
    RemoveDots, RemoveDotsWithinRoot,
};
use crate::upstream::Upstream;

/// What stands between the filter and what serves, and passes on the path that it made.
pub(in crate::upstream) const FRONTS: &[Upstream] = &[
    // `proxy_pass http://backend$uri` hands over what was decoded.
    upstream(
        "nginx, proxy_pass with $uri",
        &[
            CutAt(b"?#"),
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            MergeSlashes,
            RemoveDotsWithinRoot,
            Forward,
        ],
    ),
    upstream(
        "Apache httpd, ProxyPass",
        &[
            CutAt(b"?#"),
            Decode(Unreserved),
            MergeSlashes,
            RemoveDotsWithinRoot,
            Forward,
        ],
    ),
    upstream(
        "HAProxy, normalize-uri",
        &[
            CutAt(b"?#"),
            Decode(Unreserved),
            RemoveDots,
            MergeSlashes,
            Forward,
        ],
    ),
    // path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD, normalize_path, merge_slashes.
    upstream(
        "Envoy",
        &[
            CutAt(b"?#"),
            Decode(Of(b"/\\")),
            Decode(Unreserved),
            BackslashIsSlash,
            RemoveDotsWithinRoot,
            MergeSlashes,
            Forward,
        ],
    ),
    upstream(
        "a proxy that decodes and does nothing else",
        &[CutAt(b"?"), Decode(All), Forward],
    ),
];
