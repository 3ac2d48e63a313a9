//! What a stream of Envoy's leads to: a stream to the xDS server, or the folder.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver};
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::Wake;
use crate::folder::FolderServer;
use crate::upstream::{self, Upstream};

/// The other end of a stream.
pub(super) enum Server {
    Upstream(Receiver<Result<Bytes, Status>>),
    Folder(FolderServer),
}

/// Connects to the xDS server in the background: it may answer only after the first request.
pub(super) fn connect(
    upstream: Upstream,
    path: PathAndQuery,
    metadata: MetadataMap,
    requests: UnboundedReceiver<Bytes>,
) -> Receiver<Result<Bytes, Status>> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let opened = tokio::select! {
            opened = upstream.open(path, &metadata, requests) => opened,
            () = sender.closed() => return,
        };
        let mut responses = match opened {
            Ok(responses) => responses,
            Err(status) => return drop(sender.send(Err(status)).await),
        };
        loop {
            let message = tokio::select! {
                message = responses.message() => message,
                () = sender.closed() => return,
            };
            let ended = || Status::unavailable("the xDS server ended the stream");
            let message = message
                .map_err(upstream::lost)
                .and_then(|message| message.ok_or_else(ended));
            let is_end = message.is_err();
            if sender.send(message).await.is_err() || is_end {
                return;
            }
        }
    });
    receiver
}

/// Waits for what comes from there.
pub(super) async fn next(server: &mut Server) -> Wake {
    match server {
        Server::Upstream(responses) => {
            let ended = || Err(Status::unavailable("the xDS server ended the stream"));
            Wake::FromServer(responses.recv().await.unwrap_or_else(ended))
        }
        Server::Folder(folder) => Wake::FromFolder(folder.changed().await),
    }
}
