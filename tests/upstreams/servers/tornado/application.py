import asyncio

import tornado.web


class Page(tornado.web.RequestHandler):
    def initialize(self, content, host=None):
        self.content, self.host = content, host

    def get(self):
        if self.host and self.request.host_name != self.host:
            raise tornado.web.HTTPError(404)
        self.write(self.content)


async def main():
    page = lambda path, *arguments: (path, Page, dict(zip(("content", "host"), arguments)))
    application = tornado.web.Application(
        [
            page("/", "public-content"),
            page("/public/page", "public-content"),
            page("/admin/secret", "protected-content:admin/secret"),
            page(r"/x\.php", "protected-content:x.php"),
            page("/hosted", "protected-content:hosted", "secret.example"),
            page("/address", "protected-content:address", "127.0.0.1"),
            ("/(.*)", tornado.web.StaticFileHandler, {"path": "{{files}}"}),
        ]
    )
    application.listen({{port}}, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
