//! The servers, one by one. A comment names what of the server's source the steps are, or the
//! attack that showed them.

mod fronts;
mod java;

pub(super) use fronts::FRONTS;

use super::Upstream;
use crate::step::Escapes::{All, AllButSlash, Of, OfWholeUri, Unreserved};
use crate::step::Step::{
    self, BackslashIsSlash, CutAt, CutLastParameters, CutParameters, Decode, DecodeWithUnicode,
    Drop, DropInvalidUtf8, LowerCase, MergeSlashes, Refuse, RefuseEscaped, RefuseInvalidEscapes,
    RemoveDots, RemoveDotsAndTheirEscapes, RemoveDotsWithinRoot, SchemeRelative,
    SwallowInvalidEscapes, TrimEnd, TrimSlashes,
};
use java::JAVA;

const fn upstream(name: &'static str, steps: &'static [Step]) -> Upstream {
    Upstream { name, steps }
}

/// What serves.
pub(super) fn servers() -> impl Iterator<Item = &'static Upstream> {
    OTHERS.iter().chain(JAVA)
}

/// All but those of `java`.
const OTHERS: &[Upstream] = &[
    upstream(
        "no step at all: Tornado, Netty, path-to-regexp",
        &[CutAt(b"?")],
    ),
    // ngx_http_parse_complex_uri: the dots are found after decoding, `%00` is refused.
    upstream(
        "nginx",
        &[
            CutAt(b"?#"),
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    upstream(
        "nginx, merge_slashes off",
        &[
            CutAt(b"?#"),
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            RemoveDotsWithinRoot,
        ],
    ),
    // server/request.c: ap_normalize_path, then ap_unescape_url; then the file system.
    upstream(
        "Apache httpd 2.4",
        &[
            CutAt(b"?#"),
            Decode(Unreserved),
            MergeSlashes,
            RemoveDotsWithinRoot,
            RefuseInvalidEscapes,
            RefuseEscaped(b"/\0"),
            Decode(All),
        ],
    ),
    upstream(
        "Apache httpd 2.4, AllowEncodedSlashes On",
        &[
            CutAt(b"?#"),
            Decode(Unreserved),
            MergeSlashes,
            RemoveDotsWithinRoot,
            RefuseInvalidEscapes,
            Decode(All),
            MergeSlashes,
            RemoveDotsWithinRoot,
        ],
    ),
    upstream(
        "Apache httpd 2.4, AllowEncodedSlashes NoDecode, MergeSlashes Off",
        &[
            CutAt(b"?#"),
            Decode(Unreserved),
            RemoveDotsWithinRoot,
            Decode(AllButSlash),
        ],
    ),
    // Before 2.4.49: ap_unescape_url, ap_getparents, ap_no2slash.
    upstream(
        "Apache httpd 2.2",
        &[
            CutAt(b"?#"),
            RefuseEscaped(b"/\0"),
            Decode(All),
            RemoveDots,
            MergeSlashes,
        ],
    ),
    // CVE-2021-42013: `%%32%65` is a dot by the second decoding; the file system resolves it.
    upstream(
        "Apache httpd 2.4.49 and 2.4.50",
        &[
            CutAt(b"?#"),
            MergeSlashes,
            RemoveDotsWithinRoot,
            Decode(Unreserved),
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // WHATWG URL, 4.4: `new URL(request.url, base)`.
    upstream(
        "Node, new URL",
        &[
            CutAt(b"?#"),
            BackslashIsSlash,
            SchemeRelative,
            RemoveDotsAndTheirEscapes,
        ],
    ),
    upstream(
        "Node, new URL, then decodeURIComponent",
        &[
            CutAt(b"?#"),
            BackslashIsSlash,
            SchemeRelative,
            RemoveDotsAndTheirEscapes,
            RefuseInvalidEscapes,
            Decode(All),
        ],
    ),
    upstream("Node, url.parse", &[CutAt(b"?#"), BackslashIsSlash]),
    // send: decodeURIComponent, refuses NUL, path.normalize.
    upstream(
        "Express, serve-static",
        &[
            CutAt(b"?#"),
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    upstream(
        "Express, serve-static on Windows",
        &[
            CutAt(b"?#"),
            RefuseInvalidEscapes,
            Decode(All),
            Refuse(b"\0"),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // find-my-way/lib/url-sanitizer.js.
    upstream(
        "Fastify 5",
        &[CutAt(b"?#"), RefuseInvalidEscapes, Decode(OfWholeUri)],
    ),
    // The same file with useSemicolonDelimiter, which is the default there: `;` begins the query.
    upstream(
        "Fastify 4",
        &[CutAt(b"?#;"), RefuseInvalidEscapes, Decode(OfWholeUri)],
    ),
    // DefaultActionMapper.getMapping: what follows the first `;` is dropped.
    upstream("Struts 2", &[CutAt(b"?"), Decode(All), CutAt(b";")]),
    // WebUtils.decodeAndCleanUriString and normalize (CVE-2020-1957).
    upstream(
        "Apache Shiro 1.5",
        &[
            CutAt(b"?"),
            Decode(All),
            CutAt(b";"),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // CVE-2021-34429: `/.%00/WEB-INF/web.xml`.
    upstream(
        "Jetty 9.4.40",
        &[
            CutAt(b"?#"),
            RemoveDots,
            CutParameters,
            Decode(All),
            Drop(b"\0"),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // net/url.ParseRequestURI: `#` is an octet like any.
    upstream(
        "Go, URL.Path",
        &[CutAt(b"?"), RefuseInvalidEscapes, Decode(All)],
    ),
    upstream(
        "Go, http.FileServer",
        &[
            CutAt(b"?"),
            RefuseInvalidEscapes,
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    upstream(
        "Go, url.Parse of the request URI",
        &[
            CutAt(b"#"),
            CutAt(b"?"),
            SchemeRelative,
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // HTTP.sys.
    upstream(
        "IIS",
        &[
            CutAt(b"?#"),
            Decode(All),
            Refuse(b"\0"),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    upstream(
        "IIS, allowDoubleEscaping, and an application that decodes",
        &[
            CutAt(b"?#"),
            Decode(All),
            BackslashIsSlash,
            RemoveDots,
            Decode(All),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // PathNormalizer.DecodePath.
    upstream(
        "Kestrel",
        &[CutAt(b"?#"), Decode(AllButSlash), Refuse(b"\0"), RemoveDots],
    ),
    // burl_normalize, buffer_path_simplify.
    upstream(
        "lighttpd",
        &[CutAt(b"?#"), Decode(All), MergeSlashes, RemoveDots],
    ),
    // CVE-2006-7243: a file name ends at NUL.
    upstream(
        "PHP before 5.3.4 on files",
        &[
            CutAt(b"?"),
            Decode(All),
            CutAt(b"\0"),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    upstream(
        "PHP before 5.3.4 on a path that it decodes again",
        &[
            CutAt(b"?"),
            Decode(All),
            Decode(All),
            CutAt(b"\0"),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // Request::getPathInfo, CompiledUrlMatcher: rawurldecode.
    upstream("Symfony", &[CutAt(b"?#"), Decode(All)]),
    upstream("Laravel", &[CutAt(b"?#"), TrimSlashes, Decode(All)]),
    // parse_url.
    upstream(
        "PHP, parse_url",
        &[CutAt(b"#"), CutAt(b"?"), SchemeRelative, Decode(All)],
    ),
    // PEP 3333: PATH_INFO is decoded.
    upstream(
        "WSGI: Django, Flask; ASGI: Starlette",
        &[CutAt(b"?"), Decode(All)],
    ),
    upstream("gunicorn", &[CutAt(b"#"), CutAt(b"?"), Decode(All)]),
    // SimpleHTTPRequestHandler.translate_path.
    upstream(
        "Python, http.server",
        &[
            CutAt(b"?"),
            CutAt(b"#"),
            Decode(All),
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // RFC 2396, 3.3 as of urllib.parse.urlparse: parameters of the last segment.
    upstream(
        "Python, urlparse",
        &[CutAt(b"#"), CutAt(b"?"), CutLastParameters, Decode(All)],
    ),
    // BaseRequest.traverse.
    upstream(
        "Zope",
        &[CutAt(b"?"), Decode(All), MergeSlashes, RemoveDotsWithinRoot],
    ),
    // Rack::Protection::PathTraversal.cleanup, and Mustermann decodes.
    upstream(
        "Sinatra",
        &[
            CutAt(b"?"),
            Decode(Of(b"./\\")),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
            Decode(All),
        ],
    ),
    // Journey::Router::Utils.normalize_path.
    upstream(
        "Rails",
        &[CutAt(b"?"), MergeSlashes, TrimSlashes, Decode(All)],
    ),
    // HttpUtils.normalizePath.
    upstream(
        "Vert.x",
        &[CutAt(b"?"), Decode(Unreserved), RemoveDots, MergeSlashes],
    ),
    upstream(
        "Vert.x, StaticHandler on Windows",
        &[
            CutAt(b"?"),
            Decode(Unreserved),
            RemoveDots,
            MergeSlashes,
            Decode(All),
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    // cowboy_router:split_path decodes each segment.
    upstream(
        "Cowboy",
        &[CutAt(b"?#"), RemoveDots, Decode(AllButSlash), RemoveDots],
    ),
    // The following were found by `tests/upstreams`. uWSGI, http_url_decode: one pass, in which the
    // dots are found before they are decoded.
    upstream(
        "uWSGI",
        &[
            CutAt(b"?"),
            CutAt(b"#"),
            SwallowInvalidEscapes,
            RemoveDots,
            Decode(All),
        ],
    ),
    // URIUtil.decodePath takes `%uXXXX` for a character.
    upstream(
        "Jetty 9.4, %u",
        &[CutAt(b"?#"), CutParameters, DecodeWithUnicode, RemoveDots],
    ),
    upstream("Bottle", &[CutAt(b"?"), Decode(All), DropInvalidUtf8]),
    upstream(
        "Bottle, static_file",
        &[
            CutAt(b"?"),
            Decode(All),
            DropInvalidUtf8,
            BackslashIsSlash,
            MergeSlashes,
            RemoveDots,
        ],
    ),
    upstream("Express, @koa/router, connect", &[CutAt(b"?"), LowerCase]),
    // MatchPath: `/admin.` and `/admin%20` are `/admin`, since they are on Windows.
    upstream(
        "Caddy, path matchers",
        &[
            CutAt(b"?"),
            RefuseInvalidEscapes,
            Decode(All),
            LowerCase,
            TrimEnd(b". "),
            MergeSlashes,
            RemoveDots,
        ],
    ),
];
