PAGES = {
    ("/", None): b"public-content",
    ("/public/page", None): b"public-content",
    ("/admin/secret", None): b"protected-content:admin/secret",
    ("/x.php", None): b"protected-content:x.php",
    ("/hosted", "secret.example"): b"protected-content:hosted",
    ("/address", "127.0.0.1"): b"protected-content:address",
}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    host = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
    page = PAGES.get((path, None)) or PAGES.get((path, host))
    start_response("200 OK" if page else "404 Not Found", [("Content-Type", "text/plain")])
    return [page or b"no"]
