//! The fleet while it is played with.

use super::event::{Event, FROZEN, SLOW};
use crate::{
    backend::{Backend, Kind, go_server},
    client::{Client, Load},
    directory::{Directory, Source},
    tally::Tally,
    windows::{Sample, Spread, spread},
    wire::{Places, SLOTS},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::sleep};

/// How many of each: half of the clients learn of the backends by `dns:`, half by a manual resolver.
const CLIENTS: [(Source, usize); 2] = [(Source::Dns, 4), (Source::Manual, 4)];
const WORKERS: usize = 8;
/// Backends by number; those from `FIRST_GO` on are grpc-go's, if it is installed.
const BACKENDS: std::ops::RangeInclusive<usize> = 1..=10;
const FIRST_GO: usize = 7;
/// How long the clients may take to notice what has happened.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// A backend that has got nothing for so long has been left.
const LEFT: Duration = Duration::from_millis(300);

/// The fleet and what is known of it.
pub(super) struct Stage {
    directory: Directory,
    places: Arc<Places>,
    backends: BTreeMap<usize, Backend>,
    listed: BTreeSet<usize>,
    clients: Vec<Client>,
    phase: Arc<AtomicUsize>,
    samples: Arc<Mutex<Vec<Sample>>>,
    /// What each backend had got when it was started.
    since: [u64; SLOTS],
}

/// A phase: an event, the time until it was noticed, and a quiet time after it.
pub(super) struct Row {
    pub(super) event: Option<Event>,
    pub(super) noticed: Option<Duration>,
    pub(super) spread: Spread,
}

impl Stage {
    /// Starts ten backends, eight of them listed, and the clients.
    pub(super) async fn start(config: &str) -> Result<Stage, Box<dyn Error>> {
        let mut stage = Stage {
            directory: Directory::start().await,
            places: Arc::default(),
            backends: BTreeMap::new(),
            listed: (1..=8).collect(),
            clients: Vec::new(),
            phase: Arc::default(),
            samples: Arc::default(),
            since: [0; SLOTS],
        };
        for number in BACKENDS {
            stage.start_backend(number).await?;
        }
        stage.announce();
        let load = Load {
            config: config.into(),
            workers: WORKERS,
            streams: true,
            pause: Duration::ZERO,
        };
        for (source, count) in CLIENTS {
            for _ in 0..count {
                let (directory, places) = (&stage.directory, &stage.places);
                let client = Client::start(directory, source, places, &load, &stage.phase)?;
                stage.clients.push(client);
            }
        }
        Ok(stage)
    }

    async fn start_backend(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        let go = number >= FIRST_GO && go_server().is_some();
        let kind = if go { Kind::Go } else { Kind::Ours };
        self.since[number] = self.sent()[number];
        let backend = Backend::start(number, kind, &self.places).await?;
        self.backends.insert(number, backend);
        Ok(())
    }

    fn announce(&self) {
        let list: Vec<_> = self.listed.iter().copied().collect();
        self.directory.set(&list);
    }

    /// What all clients have sent to each backend.
    fn sent(&self) -> [u64; SLOTS] {
        sum(self.clients.iter().map(|client| client.sent.requests()))
    }

    /// Looks twenty times a second.
    pub(super) fn sample(&self) -> JoinHandle<()> {
        let sent: Vec<_> = self.clients.iter().map(|c| Arc::clone(&c.sent)).collect();
        let samples = Arc::clone(&self.samples);
        tokio::spawn(async move {
            loop {
                push(&samples, sum(sent.iter().map(|sent| sent.requests())));
                sleep(Duration::from_millis(50)).await;
            }
        })
    }

    /// One event and the quiet time after it.
    pub(super) async fn play(
        &mut self,
        event: Option<Event>,
        quiet: Duration,
    ) -> Result<Row, Box<dyn Error>> {
        let start = Instant::now();
        let before: Vec<_> = self.clients.iter().map(|c| c.sent.requests()).collect();
        if let Some(event) = event {
            self.phase.fetch_add(1, Ordering::Relaxed);
            self.act(event).await?;
        }
        let noticed = self.noticed(event, &before, start).await;
        let from = Instant::now();
        sleep(quiet).await;
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let first = samples.partition_point(|sample| sample.at < from);
        let runs = |number: &usize| self.backends.contains_key(number);
        let able: Vec<_> = self.listed.iter().copied().filter(runs).collect();
        let spread = spread(&samples[first..], &able, self.clients.len());
        Ok(Row {
            event,
            noticed,
            spread,
        })
    }

    async fn act(&mut self, event: Event) -> Result<(), Box<dyn Error>> {
        let backends = &mut self.backends;
        match event {
            Event::Add(one, other) => self.listed.extend([one, other]),
            Event::Remove(number) => drop(self.listed.remove(&number)),
            Event::Kill(number) => {
                let backend = backends.remove(&number).ok_or("it runs")?;
                backend.kill().await;
            }
            Event::Drain(number) => {
                let backend = backends.remove(&number).ok_or("it runs")?;
                let (calls, connections) = backend.drain().await?;
                if calls + connections > 0 {
                    return Err(
                        format!("a drain cut {calls} calls, {connections} connections").into(),
                    );
                }
            }
            Event::Start(number) => self.start_backend(number).await?,
            Event::Slow(number) => {
                let backend = backends.get_mut(&number).ok_or("it runs")?;
                backend.slow(SLOW).await?;
            }
            Event::Fast(number) => {
                let backend = backends.get_mut(&number).ok_or("it runs")?;
                backend.slow(Duration::ZERO).await?;
            }
            Event::Freeze(number) => {
                let backend = backends.get(&number).ok_or("it runs")?;
                backend.freeze(FROZEN).await?;
            }
        }
        if matches!(event, Event::Add(..) | Event::Remove(_)) {
            self.announce();
        }
        Ok(())
    }

    /// Waits until every client acts on it; `None` if one does not.
    async fn noticed(
        &self,
        event: Option<Event>,
        before: &[[u64; SLOTS]],
        start: Instant,
    ) -> Option<Duration> {
        let used: Vec<_> = match event {
            None => self.listed.iter().copied().collect(),
            Some(Event::Add(one, other)) => vec![one, other],
            Some(Event::Start(number)) => vec![number],
            Some(Event::Kill(number) | Event::Drain(number) | Event::Remove(number)) => {
                return self.left(number, start).await;
            }
            Some(Event::Slow(_) | Event::Fast(_) | Event::Freeze(_)) => {
                let took = start.elapsed();
                sleep(LEFT).await;
                return Some(took);
            }
        };
        while start.elapsed() < PATIENCE {
            let mut clients = self.clients.iter().zip(before);
            let all = clients.all(|(client, before)| {
                let now = client.sent.requests();
                used.iter().all(|number| now[*number] > before[*number])
            });
            if all {
                return Some(start.elapsed());
            }
            sleep(Duration::from_millis(5)).await;
        }
        None
    }

    /// Waits until nobody sends it anything any more.
    async fn left(&self, number: usize, start: Instant) -> Option<Duration> {
        let (mut last, mut since) = (self.sent()[number], Instant::now());
        while start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(5)).await;
            let now = self.sent()[number];
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() >= LEFT {
                return Some(since - start);
            }
        }
        None
    }

    /// Lets the clients end, and compares what they say they sent with what backends of our own say they got.
    pub(super) async fn end(mut self) -> Result<(Tally, Vec<String>), Box<dyn Error>> {
        let mut tally = Tally::default();
        let sent: Vec<_> = self.clients.iter().map(|c| Arc::clone(&c.sent)).collect();
        for client in self.clients.drain(..) {
            tally.merge(client.finish().await);
        }
        let mut strange = Vec::new();
        let total = sum(sent.iter().map(|sent| sent.requests()));
        for (number, backend) in &mut self.backends {
            if backend.kind() == Kind::Ours {
                let (got, sent) = (backend.calls().await?, total[*number] - self.since[*number]);
                if got != sent {
                    strange.push(format!("backend {number} got {got} calls of {sent}"));
                }
            }
        }
        let open = || {
            sum(sent.iter().map(|sent| sent.connections()))
                .iter()
                .sum::<u64>()
        };
        let until = Instant::now() + PATIENCE;
        while open() > 0 && Instant::now() < until {
            sleep(Duration::from_millis(20)).await;
        }
        if open() > 0 {
            strange.push(format!("{} connections outlive their channels", open()));
        }
        Ok((tally, strange))
    }
}

fn push(samples: &Mutex<Vec<Sample>>, sent: [u64; SLOTS]) {
    let at = Instant::now();
    let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    samples.push(Sample { at, sent });
}

fn sum(counts: impl Iterator<Item = [u64; SLOTS]>) -> [u64; SLOTS] {
    counts.fold([0; SLOTS], |mut sum, counts| {
        (0..SLOTS).for_each(|slot| sum[slot] += counts[slot]);
        sum
    })
}
