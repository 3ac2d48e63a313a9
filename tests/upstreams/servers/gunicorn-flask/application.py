from flask import Flask, abort, request

application = Flask(__name__, static_folder=None)


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


@application.get("/folder/")
def folder():
    return "protected-content:folder"


def host():
    return request.host.rsplit(":", 1)[0]


@application.get("/hosted")
def hosted():
    return "protected-content:hosted" if host() == "secret.example" else abort(404)


@application.get("/address")
def address():
    return "protected-content:address" if host() == "127.0.0.1" else abort(404)
