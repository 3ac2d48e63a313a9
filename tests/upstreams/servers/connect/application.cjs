const connect = require("connect");
const page = (content) => (_, response) => response.end(content);

const admin = connect();
admin.use("/secret", page("protected-content:admin/secret"));

const application = connect();
application.use("/public", page("public-content"));
application.use("/admin", admin);
application.use("/x.php", page("protected-content:x.php"));
application.listen(process.env.PORT, "127.0.0.1");
