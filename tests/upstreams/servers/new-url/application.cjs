const http = require("node:http");

const PAGES = {
  "/": "public-content",
  "/public/page": "public-content",
  "/admin/secret": "protected-content:admin/secret",
  "/x.php": "protected-content:x.php",
  "/folder/": "protected-content:folder",
};
const PAGES_OF_HOSTS = {
  "secret.example/hosted": "protected-content:hosted",
  "127.0.0.1/address": "protected-content:address",
};

const answer = (request, response) => {
  try {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const page = PAGES[url.pathname] ?? PAGES_OF_HOSTS[url.hostname + url.pathname];
    response.writeHead(page ? 200 : 404).end(page ?? "no");
  } catch {
    response.writeHead(400).end("no");
  }
};
http.createServer(answer).listen(process.env.PORT, "127.0.0.1");
