//! What a process holds: tasks, file descriptors, live heap, resident memory.

use std::{
    fmt, fs,
    str::FromStr,
    sync::OnceLock,
    thread::available_parallelism,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// How long everything may take to be given back: longer than the linger of connections, shorter than any leak.
const PATIENCE: Duration = Duration::from_secs(15);
/// Heap that may stay behind: tables that have grown.
const HEAP_SLACK: i64 = 256 << 10;
/// The read buffer that each thread keeps for the connections that it will serve, with a little for its other caches.
const HEAP_OF_THREAD: i64 = 160 << 10;

static HEAP: OnceLock<fn() -> i64> = OnceLock::new();

/// Says how live heap bytes are counted; without it they are 0. Binaries with a counting allocator do.
pub fn count_heap(live: fn() -> i64) {
    HEAP.set(live).ok();
}

/// A look at this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resources {
    /// Tasks of the runtime that are not over.
    pub tasks: usize,
    /// Entries of /proc/self/fd.
    pub descriptors: usize,
    /// Bytes allocated and not freed, if they are counted.
    pub heap: i64,
    /// Resident set, KiB.
    pub resident: u64,
}

impl Resources {
    /// Those of this process; inside a runtime.
    pub fn now() -> Resources {
        Resources {
            tasks: Handle::current().metrics().num_alive_tasks(),
            // One of them is the directory itself.
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() - 1),
            heap: HEAP.get().map_or(0, |live| live()),
            resident: resident(),
        }
    }

    /// What is more than at `before`, in words; empty: nothing.
    pub fn beyond(&self, before: &Resources) -> String {
        let mut words = Vec::new();
        if self.tasks > before.tasks {
            words.push(format!("{} tasks", self.tasks - before.tasks));
        }
        if self.descriptors > before.descriptors {
            let more = self.descriptors - before.descriptors;
            words.push(format!("{more} file descriptors"));
        }
        let threads = available_parallelism().map_or(1, |threads| threads.get() as i64);
        if self.heap > before.heap + HEAP_SLACK + threads * HEAP_OF_THREAD {
            words.push(format!("{} KiB of heap", (self.heap - before.heap) >> 10));
        }
        words.join(", ")
    }

    /// Waits until this process is back at `before`; what is left, if it does not come to that.
    pub async fn settled(before: &Resources) -> (Resources, String) {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Resources::now();
            let beyond = now.beyond(before);
            if beyond.is_empty() || Instant::now() > until {
                return (now, beyond);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// VmRSS in KiB.
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resources {
            tasks,
            descriptors,
            heap,
            resident,
        } = self;
        write!(f, "{tasks} {descriptors} {heap} {resident}")
    }
}

impl FromStr for Resources {
    type Err = String;

    fn from_str(text: &str) -> Result<Resources, String> {
        let mut numbers = text.split(' ').map(|word| word.parse::<i64>());
        let mut next = || match numbers.next() {
            Some(Ok(number)) => Ok(number),
            _ => Err(format!("not resources: {text}")),
        };
        Ok(Resources {
            tasks: next()? as usize,
            descriptors: next()? as usize,
            heap: next()?,
            resident: next()? as u64,
        })
    }
}
