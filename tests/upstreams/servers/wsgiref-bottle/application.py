from bottle import Bottle, HTTPError, request, static_file

application = Bottle()


@application.get("/")
@application.get("/public/page")
def public():
    return "public-content"


@application.get("/admin/secret")
def secret():
    return "protected-content:admin/secret"


@application.get("/x.php")
def script():
    return "protected-content:x.php"


def host():
    return request.urlparts.hostname


@application.get("/hosted")
def hosted():
    return "protected-content:hosted" if host() == "secret.example" else HTTPError(404)


@application.get("/address")
def address():
    return "protected-content:address" if host() == "127.0.0.1" else HTTPError(404)


@application.get("/<path:path>")
def file(path):
    return static_file(path, root="{{files}}")


application.run(host="127.0.0.1", port={{port}}, quiet=True)
