//! Servers and frameworks of Java that read a path alike: Tomcat, Spring, Jetty, Undertow, WebLogic.

use super::upstream;
use crate::step::Escapes::{All, AllButSlash};
use crate::step::Step::{
    BackslashIsSlash, CutAt, CutParameters, Decode, MergeSlashes, Refuse, RefuseEscaped,
    RefuseInvalidEscapes, RemoveDots, RemoveDotsWithinRoot,
};
use crate::upstream::Upstream;

pub(super) const JAVA: &[Upstream] = &[
    // CoyoteAdapter.postParseRequest: parsePathParameters, convert, normalize.
    upstream(
        "Tomcat",
        &[
            CutAt(b"?"),
            CutParameters,
            RefuseInvalidEscapes,
            RefuseEscaped(b"/"),
            Decode(All),
            Refuse(b"\0\\"),
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    upstream(
        "Tomcat, encodedSolidusHandling decode, ALLOW_BACKSLASH",
        &[
            CutAt(b"?"),
            CutParameters,
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    upstream(
        "Tomcat, encodedSolidusHandling passthrough",
        &[
            CutAt(b"?"),
            CutParameters,
            RefuseInvalidEscapes,
            Decode(AllButSlash),
            Refuse(b"\0"),
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    // ApplicationContext.getRequestDispatcher on a path that was decoded before.
    upstream(
        "Tomcat, forwarded by a servlet",
        &[
            CutAt(b"?"),
            CutParameters,
            Decode(All),
            MergeSlashes,
            RemoveDotsWithinRoot,
            CutAt(b"?"),
            CutParameters,
            Decode(All),
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    // UrlPathHelper.decodeAndCleanUriString on the raw request URI.
    upstream(
        "Spring MVC, UrlPathHelper",
        &[CutAt(b"?"), CutParameters, Decode(All), MergeSlashes],
    ),
    upstream(
        "Spring, PathPattern; JAX-RS path segments",
        &[CutAt(b"?"), CutParameters, Decode(AllButSlash)],
    ),
    // ResourceHttpRequestHandler: processPath, and StringUtils.cleanPath on the decoded path.
    upstream(
        "Spring, static resources",
        &[
            CutAt(b"?"),
            CutParameters,
            Decode(All),
            BackslashIsSlash,
            MergeSlashes,
            Decode(All),
            RemoveDots,
        ],
    ),
    // URIUtil.canonicalPath(URIUtil.decodePath(path)).
    upstream(
        "Jetty 9.4",
        &[CutAt(b"?#"), CutParameters, Decode(All), RemoveDots],
    ),
    upstream(
        "Jetty, compactPath",
        &[
            CutAt(b"?#"),
            CutParameters,
            Decode(All),
            RemoveDots,
            MergeSlashes,
        ],
    ),
    // CVE-2021-28164: canonical before it is decoded, and the file resolves the rest.
    upstream(
        "Jetty 9.4.37",
        &[
            CutAt(b"?#"),
            RemoveDots,
            CutParameters,
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // CVE-2021-28169.
    upstream(
        "Jetty, ConcatServlet",
        &[
            CutAt(b"?#"),
            CutParameters,
            Decode(All),
            RemoveDots,
            Decode(All),
            RemoveDots,
        ],
    ),
    // HttpRequestParser.handlePath, CanonicalPathUtils.canonicalize.
    upstream(
        "Undertow",
        &[
            CutAt(b"?"),
            CutParameters,
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // CVE-2020-14882: `/console/css/%252e%252e%252fconsole.portal`.
    upstream(
        "WebLogic",
        &[
            CutAt(b"?"),
            CutParameters,
            Decode(All),
            Decode(All),
            RemoveDots,
            MergeSlashes,
        ],
    ),
];
