from aiohttp import web


def page(content, host=None):
    async def handler(request):
        if host and request.url.host != host:
            raise web.HTTPNotFound
        return web.Response(text=content)

    return handler


application = web.Application()
application.add_routes(
    [
        web.get("/", page("public-content")),
        web.get("/public/page", page("public-content")),
        web.get("/admin/secret", page("protected-content:admin/secret")),
        web.get("/x.php", page("protected-content:x.php")),
        web.get("/hosted", page("protected-content:hosted", "secret.example")),
        web.get("/address", page("protected-content:address", "127.0.0.1")),
        web.static("/", "{{files}}"),
    ]
)
web.run_app(application, host="127.0.0.1", port={{port}}, print=None, access_log=None)
