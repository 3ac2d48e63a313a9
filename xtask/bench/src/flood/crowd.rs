//! Who sends requests while it is measured, and how long each had to wait.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::Scene;
use super::clients::{PASSWORD, Visitor, user};
use super::lab::Lab;

/// Where everybody is who behaves.
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where new users come from.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 100);

/// Connections of those who are measured, which reach all workers.
const CONNECTIONS: usize = 6;
/// Connections of each address that floods.
const OF_FLOOD: usize = 4;
/// The user who was verified before; the new ones have higher numbers.
const VERIFIED: usize = 0;

/// How long requests took, in seconds.
#[derive(Default)]
pub(super) struct Latencies(Vec<f64>);

impl Latencies {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// What this share of the requests took at most.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * share).round() as usize).copied()
    }
}

/// What was measured.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) others: Latencies,
    pub(super) verified: Latencies,
    pub(super) new: Latencies,
    /// New users with the right password who were not let in at once.
    pub(super) refused: usize,
}

impl Crowd {
    pub(super) fn during(time: Duration, lab: &Lab, scene: Scene) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut verified = Visitor::from(HOME, lab).await?;
            let user = user(VERIFIED);
            verified.ask("/private", Some((&user, PASSWORD))).await?;
            let end = Instant::now() + time;
            let (others, verified, new, ()) = tokio::try_join!(
                steady(lab, end, scene, None),
                steady(lab, end, scene, Some(&user)),
                newcomers(lab, end, scene),
                trouble(lab, end, scene),
            )?;
            let (new, refused) = new;
            Ok(Self {
                others,
                verified,
                new,
                refused,
            })
        })
    }
}

/// A request every few milliseconds on connections in turn.
async fn steady(
    lab: &Lab,
    end: Instant,
    scene: Scene,
    user: Option<&str>,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    if matches!(scene, Scene::Alone) {
        return Ok(latencies);
    }
    let mut visitors = Vec::new();
    for _ in 0..CONNECTIONS {
        visitors.push(Visitor::from(HOME, lab).await?);
    }
    let (mut beat, path) = (
        interval(Duration::from_millis(5)),
        user.map_or("/", |_| "/private"),
    );
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        for visitor in &mut visitors {
            beat.tick().await;
            let (_, took) = visitor.ask(path, user.map(|user| (user, PASSWORD))).await?;
            latencies.0.push(took.as_secs_f64());
        }
    }
    Ok(latencies)
}

/// New users with right passwords, each on a connection of its own.
async fn newcomers(lab: &Lab, end: Instant, scene: Scene) -> anyhow::Result<(Latencies, usize)> {
    let (mut latencies, mut refused, mut number) = (Latencies::default(), 0, VERIFIED);
    let mut beat = interval(Duration::from_secs(1));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !matches!(scene, Scene::Idle) && Instant::now() < end {
        beat.tick().await;
        number += 1;
        let mut visitor = Visitor::from(ELSEWHERE, lab).await?;
        let (status, took) = visitor
            .ask("/private", Some((&user(number), PASSWORD)))
            .await?;
        if status == 200 {
            latencies.0.push(took.as_secs_f64());
        } else {
            refused += 1;
        }
    }
    Ok((latencies, refused))
}

/// Those who do not behave.
async fn trouble(lab: &Lab, end: Instant, scene: Scene) -> anyhow::Result<()> {
    match scene {
        Scene::Idle | Scene::Alone | Scene::Logins => Ok(()),
        Scene::Device => device(lab, end).await,
        Scene::Flood(addresses) => {
            let sources = (2..2 + addresses).map(|last| Ipv4Addr::new(127, 0, 0, last));
            let sources: Vec<_> = sources.flat_map(|source| [source; OF_FLOOD]).collect();
            let mut guessing = Vec::new();
            for (number, source) in sources.into_iter().enumerate() {
                guessing.push(Box::pin(guess(lab, end, source, number)));
            }
            together(guessing).await
        }
    }
}

/// Waits for all of these, which go on side by side.
async fn together<F: Future<Output = anyhow::Result<()>> + Unpin>(
    mut running: Vec<F>,
) -> anyhow::Result<()> {
    std::future::poll_fn(move |context| {
        let mut failure = None;
        running.retain_mut(|future| match std::pin::Pin::new(future).poll(context) {
            std::task::Poll::Ready(Err(error)) => {
                failure = Some(error);
                false
            }
            std::task::Poll::Ready(Ok(())) => false,
            std::task::Poll::Pending => true,
        });
        match failure {
            Some(error) => std::task::Poll::Ready(Err(error)),
            None if running.is_empty() => std::task::Poll::Ready(Ok(())),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

async fn guess(lab: &Lab, end: Instant, source: Ipv4Addr, number: usize) -> anyhow::Result<()> {
    let mut visitor = Visitor::from(source, lab).await?;
    let mut count = 0_u64;
    let mut beat = interval(Duration::from_millis(2));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        beat.tick().await;
        count += 1;
        let password = format!("guess {number} {count}");
        visitor
            .ask("/private", Some((&user(VERIFIED), &password)))
            .await?;
    }
    Ok(())
}

async fn device(lab: &Lab, end: Instant) -> anyhow::Result<()> {
    let mut visitor = Visitor::from(Ipv4Addr::new(127, 0, 0, 2), lab).await?;
    let mut beat = interval(Duration::from_millis(100));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        beat.tick().await;
        visitor
            .ask("/private", Some((&user(VERIFIED), "its old password")))
            .await?;
    }
    Ok(())
}
