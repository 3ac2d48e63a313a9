const express = require("express");
const application = express();

const host = (name, content) => (request, response) =>
  request.hostname === name ? response.send(content) : response.sendStatus(404);

application.get(["/", "/public/page"], (_, response) => response.send("public-content"));
application.get("/admin/secret", (_, response) => response.send("protected-content:admin/secret"));
application.get("/x.php", (_, response) => response.send("protected-content:x.php"));
application.get("/hosted", host("secret.example", "protected-content:hosted"));
application.get("/address", host("127.0.0.1", "protected-content:address"));
application.use(express.static("{{files}}"));
application.listen(process.env.PORT, "127.0.0.1");
