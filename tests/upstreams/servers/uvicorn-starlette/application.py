from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles


def page(content, host=None):
    def endpoint(request):
        is_there = not host or request.url.hostname == host
        return PlainTextResponse(content if is_there else "no", 200 if is_there else 404)

    return endpoint


asgi = Starlette(
    routes=[
        Route("/", page("public-content")),
        Route("/public/page", page("public-content")),
        Route("/admin/secret", page("protected-content:admin/secret")),
        Route("/x.php", page("protected-content:x.php")),
        Route("/hosted", page("protected-content:hosted", "secret.example")),
        Route("/address", page("protected-content:address", "127.0.0.1")),
        # What no route has is looked for among the files.
        Mount("/", StaticFiles(directory="{{files}}")),
    ]
)
