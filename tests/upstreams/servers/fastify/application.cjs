const fastify = require("fastify")();

const page = (content, host) => (request, reply) =>
  !host || request.hostname === host ? reply.send(content) : reply.code(404).send("no");

fastify.get("/", page("public-content"));
fastify.get("/public/page", page("public-content"));
fastify.get("/admin/secret", page("protected-content:admin/secret"));
fastify.get("/x.php", page("protected-content:x.php"));
fastify.get("/hosted", page("protected-content:hosted", "secret.example"));
fastify.get("/address", page("protected-content:address", "127.0.0.1"));
fastify.register(require("@fastify/static"), { root: "{{files}}" });
fastify.listen({ port: process.env.PORT, host: "127.0.0.1" });
