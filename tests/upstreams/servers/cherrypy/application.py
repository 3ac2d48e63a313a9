import cherrypy


class Public:
    @cherrypy.expose
    def page(self):
        return "public-content"


class Admin:
    @cherrypy.expose
    def secret(self):
        return "protected-content:admin/secret"


class Root:
    public = Public()
    admin = Admin()

    @cherrypy.expose
    def index(self):
        return "public-content"

    # CherryPy finds `/x.php` by this name.
    @cherrypy.expose
    def x_php(self):
        return "protected-content:x.php"


cherrypy.config.update(
    {
        "server.socket_host": "127.0.0.1",
        "server.socket_port": {{port}},
        "environment": "production",
        "log.screen": False,
    }
)
cherrypy.quickstart(Root())
