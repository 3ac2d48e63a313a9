//! Modules from real servers on loopback: module servers, registries, Debian's `docker-registry`.
//!
//! Rows of the tables carry the numbers of sections 4.1 to 4.4 and 4.7 of the notes on Istio's agent.

mod bad_input;
mod cache;
mod cache_folder;
mod cache_table;
mod credentials;
mod dialects;
mod docker_registry;
mod http_fetch;
mod image;
mod image_table;
mod server;
mod ssrf;
mod support;
mod tls;
