//! One stream of Envoy's: passes everything on but extension configurations, and carries out what their protocol
//! asks for.

mod method;
mod other_end;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc::{self, Sender, UnboundedSender};
use tokio::task::{AbortHandle, JoinSet};
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};

use crate::discovery::{Dialect, EXTENSION_CONFIG, Request, Response, type_name, type_of_response};
use crate::ecds::{Ecds, Effect, Event, OnFailure, PushId, Pushed, Ticket};
use crate::extension::{Extension, is_heartbeat};
use crate::folder::{Folder, FolderServer};
use crate::memory::{Envoy, Memory};
use crate::metrics::Metrics;
use crate::modules::HolderId;
use crate::preparation::Preparation;
use crate::report;
use crate::subscriber::Subscriber;
use crate::upstream::Upstream;
pub use method::Method;
use other_end::{Server, connect, next};

/// Where extension configurations come from.
#[derive(Clone)]
pub enum Source {
    /// An xDS server.
    Upstream(Upstream),
    /// A folder.
    Folder(Folder),
}

/// What all streams share.
pub struct Agent {
    /// Where extension configurations come from.
    pub source: Source,
    /// The work on them.
    pub preparation: Preparation,
    /// What to do with what cannot be delivered.
    pub on_failure: OnFailure,
    /// Whether extension configurations are looked at at all.
    pub converts: bool,
    /// The agent's metrics.
    pub metrics: Metrics,
    /// How many streams there were.
    pub streams: AtomicU64,
    /// What Envoys accepted on streams that have ended.
    pub memory: Arc<Memory>,
}

/// Serves one stream: `requests` come from Envoy, and what is sent to `responses` goes to it.
pub async fn serve(
    agent: Arc<Agent>,
    method: Method,
    metadata: MetadataMap,
    requests: Streaming<Bytes>,
    responses: Sender<Result<Bytes, Status>>,
) {
    let number = agent.streams.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::info!(
        stream = number,
        method = method.path.path(),
        "Envoy is connected"
    );
    let (to_server, outgoing) = mpsc::unbounded_channel();
    let server = match &agent.source {
        Source::Upstream(upstream) => Server::Upstream(connect(
            upstream.clone(),
            method.path.clone(),
            metadata,
            outgoing,
        )),
        Source::Folder(folder) => Server::Folder(folder.server(method.dialect)),
    };
    let mut stream = Stream::new(agent, &method, number, to_server, responses);
    let end = stream.run(requests, server).await;
    stream.release();
    tracing::info!(
        stream = number,
        reason = report::one_line(end.message()),
        "Envoy's stream ended"
    );
    // An error means that Envoy is gone, which may be why the stream ended.
    let _ = stream.responses.send(Err(end)).await;
}

struct Stream {
    agent: Arc<Agent>,
    number: u64,
    dialect: Option<Dialect>,
    is_ecds_alone: bool,
    /// Who is at the other end, once it has said so.
    envoy: Option<Envoy>,
    ecds: Ecds,
    subscriber: Subscriber,
    to_server: UnboundedSender<Bytes>,
    responses: Sender<Result<Bytes, Status>>,
    work: JoinSet<Event>,
    tickets: HashMap<Ticket, AbortHandle>,
    /// When each response arrived whose resources are being worked on.
    arrivals: HashMap<PushId, Instant>,
    pushes: u64,
}

/// What the loop of a stream is woken by.
enum Wake {
    FromEnvoy(Result<Option<Bytes>, Status>),
    FromServer(Result<Bytes, Status>),
    FromFolder(Pushed),
    Done(Event),
}

impl Stream {
    fn new(
        agent: Arc<Agent>,
        method: &Method,
        number: u64,
        to_server: UnboundedSender<Bytes>,
        responses: Sender<Result<Bytes, Status>>,
    ) -> Self {
        let dialect = method.dialect.unwrap_or(Dialect::StateOfTheWorld);
        Self {
            ecds: Ecds::new(dialect, agent.on_failure),
            subscriber: Subscriber::new(dialect),
            dialect: method.dialect.filter(|_| agent.converts),
            is_ecds_alone: method.is_ecds_alone,
            envoy: None,
            agent,
            number,
            to_server,
            responses,
            work: JoinSet::new(),
            tickets: HashMap::new(),
            arrivals: HashMap::new(),
            pushes: 0,
        }
    }

    /// Runs until one of the two ends is gone, and tells why.
    async fn run(&mut self, mut requests: Streaming<Bytes>, mut server: Server) -> Status {
        loop {
            let wake = tokio::select! {
                message = requests.message() => Wake::FromEnvoy(message),
                wake = next(&mut server) => wake,
                Some(done) = self.work.join_next() => match done {
                    Ok(event) => Wake::Done(event),
                    // It was cancelled.
                    Err(_) => continue,
                },
            };
            let carried_out = match wake {
                Wake::FromEnvoy(Ok(Some(request))) => self.envoy_said(request, &mut server).await,
                Wake::FromEnvoy(Ok(None)) => Err(Status::ok("Envoy ended the stream")),
                Wake::FromEnvoy(Err(status)) | Wake::FromServer(Err(status)) => Err(status),
                Wake::FromServer(Ok(response)) => self.server_said(response, &mut server).await,
                Wake::FromFolder(pushed) => self.pushed(pushed, &mut server).await,
                Wake::Done(event) => self.handle(event, &mut server).await,
            };
            if let Err(status) = carried_out {
                return status;
            }
        }
    }

    async fn envoy_said(&mut self, request: Bytes, server: &mut Server) -> Result<(), Status> {
        let unreadable = |error| Status::invalid_argument(format!("unreadable request: {error}"));
        let Some(dialect) = self.dialect else {
            return self.pass_on(request);
        };
        let type_url = dialect.type_of_request(&request).map_err(unreadable)?;
        if self.envoy.is_none() {
            self.envoy = Envoy::of_request(dialect, &request);
        }
        if !self.is_ecds(type_url) {
            if let Server::Folder(folder) = server {
                let answer = folder.nothing(&request).map_err(unreadable)?;
                return self.respond(answer).await;
            }
            return self.pass_on(request);
        }
        let request = Request::parse(dialect, &request).map_err(unreadable)?;
        if !request.nonce.is_empty() {
            let event = Event::Answered {
                nonce: request.nonce.clone(),
                error: request.error.clone(),
            };
            self.handle(event, server).await?;
        }
        match self.subscriber.changes(&request) {
            Some(subscription) => {
                if let Some(envoy) = &self.envoy {
                    let names = subscription.already_there.iter().map(|(name, _)| name);
                    self.ecds.remember(self.agent.memory.recall(envoy, names));
                }
                self.handle(Event::Subscribed(subscription), server).await
            }
            None => Ok(()),
        }
    }

    async fn server_said(&mut self, response: Bytes, server: &mut Server) -> Result<(), Status> {
        let Some(dialect) = self.dialect else {
            return self.respond(Some(response)).await;
        };
        let pushed = type_of_response(&response).map(|type_url| self.is_ecds(type_url));
        let pushed = pushed.and_then(|is_ecds| match is_ecds {
            true => read(dialect, &response).map(Some),
            false => Ok(None),
        });
        match pushed {
            Ok(None) => self.respond(Some(response)).await,
            Ok(Some(pushed)) => self.pushed(pushed, server).await,
            Err(error) => {
                // Envoy could read it in another way: it does not get it.
                tracing::error!(stream = self.number, %error, "a response of the xDS server cannot be read, and is dropped");
                Ok(())
            }
        }
    }

    fn is_ecds(&self, type_url: &str) -> bool {
        type_name(type_url) == EXTENSION_CONFIG || (type_url.is_empty() && self.is_ecds_alone)
    }

    async fn pushed(&mut self, pushed: Pushed, server: &mut Server) -> Result<(), Status> {
        self.subscriber.received(&pushed.nonce);
        self.pushes += 1;
        self.arrivals.insert(PushId(self.pushes), Instant::now());
        self.handle(Event::Pushed(pushed), server).await
    }

    /// Lets the protocol decide, and does what it says.
    async fn handle(&mut self, event: Event, server: &mut Server) -> Result<(), Status> {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            if let Event::Prepared { ticket, .. } = &event {
                self.tickets.remove(ticket);
            }
            for effect in self.ecds.handle(event) {
                let folder = match server {
                    Server::Folder(folder) => Some(folder),
                    Server::Upstream(_) => None,
                };
                events.extend(self.carry_out(effect, folder).await?);
            }
        }
        Ok(())
    }

    /// Does one thing; returns what the folder answers to it.
    async fn carry_out(
        &mut self,
        effect: Effect,
        folder: Option<&mut FolderServer>,
    ) -> Result<Option<Event>, Status> {
        match effect {
            Effect::Ask(subscription) => match folder {
                Some(folder) => {
                    let pushed = folder.subscribe(&subscription);
                    return Ok(pushed.map(|pushed| self.counted(pushed)));
                }
                None => self.tell(self.subscriber.ask(&subscription))?,
            },
            Effect::Accept { nonce, version } if folder.is_none() => {
                let request = self.subscriber.accept(nonce, version);
                self.tell(request)?;
            }
            Effect::Refuse { nonce, error } if folder.is_none() => {
                self.tell(self.subscriber.refuse(nonce, error))?;
            }
            Effect::Accept { .. } | Effect::Refuse { .. } => {}
            Effect::Deliver(response) => self.respond(Some(response.encode().into())).await?,
            Effect::Prepare {
                ticket,
                extension,
                after,
            } => {
                let preparation = self.agent.preparation.clone();
                let work = self.work.spawn(async move {
                    tokio::time::sleep(after).await;
                    let outcome = preparation.prepare(&extension).await;
                    Event::Prepared { ticket, outcome }
                });
                self.tickets.insert(ticket, work);
            }
            Effect::Cancel(ticket) => {
                if let Some(work) = self.tickets.remove(&ticket) {
                    work.abort();
                }
            }
            Effect::Hold(paths) => self.agent.preparation.modules.hold(self.holder(), paths),
            Effect::Remind(reminder, after) => {
                self.work.spawn(async move {
                    tokio::time::sleep(after).await;
                    Event::Due(reminder)
                });
            }
            Effect::Count(conversion) => self.agent.metrics.converted(conversion),
            Effect::Settled(push) => {
                if let Some(arrival) = self.arrivals.remove(&push) {
                    self.agent.metrics.conversion_took(arrival.elapsed());
                }
            }
            Effect::Report(report) => report::log(self.number, &report),
        }
        Ok(None)
    }

    /// The folder's answer as an event.
    fn counted(&mut self, pushed: Pushed) -> Event {
        self.pushes += 1;
        self.arrivals.insert(PushId(self.pushes), Instant::now());
        Event::Pushed(pushed)
    }

    fn pass_on(&self, request: Bytes) -> Result<(), Status> {
        match &self.agent.source {
            Source::Upstream(_) => self.tell(request),
            Source::Folder(_) => Err(Status::unimplemented(
                "there is no xDS server to pass this on to",
            )),
        }
    }

    fn tell(&self, request: Bytes) -> Result<(), Status> {
        let gone = |_| Status::unavailable("the xDS server ended the stream");
        self.to_server.send(request).map_err(gone)
    }

    async fn respond(&self, response: Option<Bytes>) -> Result<(), Status> {
        let Some(response) = response else {
            return Ok(());
        };
        let gone = |_| Status::cancelled("Envoy is gone");
        self.responses.send(Ok(response)).await.map_err(gone)
    }

    fn holder(&self) -> HolderId {
        HolderId(self.number)
    }

    fn release(&mut self) {
        self.work.abort_all();
        if let Some(envoy) = self.envoy.take() {
            self.agent.memory.keep(envoy, self.ecds.accepted_so_far());
        }
        self.agent.preparation.modules.release(self.holder());
    }
}

/// Reads a response with extension configurations.
fn read(dialect: Dialect, response: &[u8]) -> Result<Pushed, crate::wire::Malformed> {
    let Response {
        version,
        resources,
        removed,
        nonce,
    } = Response::parse(dialect, response)?;
    let resources = resources.into_iter();
    Ok(Pushed {
        version,
        nonce,
        resources: resources
            .filter(|octets| !is_heartbeat(dialect, octets))
            .map(|octets| Extension::parse(dialect, octets))
            .collect(),
        removed,
    })
}
