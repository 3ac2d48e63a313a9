require "sinatra/base"

class Application < Sinatra::Base
  get("/") { "public-content" }
  get("/public/page") { "public-content" }
  get("/admin/secret") { "protected-content:admin/secret" }
  get("/x.php") { "protected-content:x.php" }
  get("/hosted") { request.host == "secret.example" ? "protected-content:hosted" : 404 }
  get("/address") { request.host == "127.0.0.1" ? "protected-content:address" : 404 }
end

run Application
