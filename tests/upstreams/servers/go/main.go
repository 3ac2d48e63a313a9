package main

import (
	"io"
	"log"
	"net/http"
)

func page(content string) http.HandlerFunc {
	return func(response http.ResponseWriter, _ *http.Request) { io.WriteString(response, content) }
}

func main() {
	http.HandleFunc("/public/page", page("public-content"))
	http.HandleFunc("/admin/secret", page("protected-content:admin/secret"))
	http.HandleFunc("/x.php", page("protected-content:x.php"))
	http.HandleFunc("secret.example/hosted", page("protected-content:hosted"))
	http.HandleFunc("127.0.0.1/address", page("protected-content:address"))
	http.Handle("/", http.FileServer(http.Dir("{{files}}")))
	log.Fatal(http.ListenAndServe("127.0.0.1:{{port}}", nil))
}
