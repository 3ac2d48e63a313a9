const { Hono } = require("hono");
const { serve } = require("@hono/node-server");
const application = new Hono();

const page = (content, host) => (context) =>
  !host || new URL(context.req.url).hostname === host ? context.text(content) : context.notFound();

application.get("/", page("public-content"));
application.get("/public/page", page("public-content"));
application.get("/admin/secret", page("protected-content:admin/secret"));
application.get("/x.php", page("protected-content:x.php"));
application.get("/hosted", page("protected-content:hosted", "secret.example"));
application.get("/address", page("protected-content:address", "127.0.0.1"));
serve({ fetch: application.fetch, port: Number(process.env.PORT), hostname: "127.0.0.1" });
