const Koa = require("koa");
const Router = require("@koa/router");
const application = new Koa();
const router = new (Router.default ?? Router)();

const page = (content, host) => (context) => {
  if (!host || context.hostname === host) context.body = content;
};

router.get("/", page("public-content"));
router.get("/public/page", page("public-content"));
router.get("/admin/secret", page("protected-content:admin/secret"));
router.get("/x.php", page("protected-content:x.php"));
router.get("/folder/", page("protected-content:folder"));
router.get("/hosted", page("protected-content:hosted", "secret.example"));
router.get("/address", page("protected-content:address", "127.0.0.1"));
application.use(router.routes());
application.silent = true;
application.listen(process.env.PORT, "127.0.0.1");
