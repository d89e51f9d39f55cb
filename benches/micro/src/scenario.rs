//! What is counted.

/// One scenario: a kind of work, so many at a time.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name in the budget file.
    pub name: &'static str,
    /// What each round of each task does.
    pub work: Work,
    /// Tasks at work at the same time: the size of a batch.
    pub tasks: usize,
    /// Rounds of each task before those that count: tables fill, methods earn inline polling.
    pub warm_up: usize,
    /// Rounds of each task that count.
    pub rounds: usize,
}

/// What a round is: a call, or a message of a stream that stays open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A unary call with a body of so many bytes in both directions.
    Unary(usize),
    /// An empty unary call with a timeout that differs from the last one's, as what is left of a deadline does.
    Deadline,
    /// An empty unary call with three pairs of metadata, of which one differs from call to call.
    Metadata,
    /// An empty unary call that a policy of the service config would try again, and that succeeds at once.
    Retry,
    /// An empty unary call with everything around it: one of ten backends in turn, a deadline, retries, an interceptor.
    Full,
    /// An empty unary call with an interceptor on each side that does nothing.
    Intercepted,
    /// An empty unary call whose caller adds a pair of metadata that is always the same, and whose handler wants to see it; both count how
    /// calls end.
    Tenant,
    /// The same call, for which interceptors that never wait do all that.
    Immediate,
    /// A message of so many bytes from the server.
    ServerStream(usize),
    /// An empty message in each direction.
    PingPong,
}

impl Work {
    /// Backends, with a connection to each.
    pub fn connections(self) -> usize {
        if self == Work::Full { 10 } else { 1 }
    }
}

impl Scenario {
    /// The scenario of that name.
    pub fn find(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

const fn scenario(
    name: &'static str,
    work: Work,
    tasks: usize,
    warm_up: usize,
    rounds: usize,
) -> Scenario {
    Scenario {
        name,
        work,
        tasks,
        warm_up,
        rounds,
    }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    scenario("unary-0B-x1", Work::Unary(0), 1, 300, 1000),
    scenario("unary-0B-x100", Work::Unary(0), 100, 10, 30),
    // Batches as small as those of each connection of `unary-full-x100`.
    scenario("unary-0B-x10", Work::Unary(0), 10, 50, 300),
    scenario("unary-1KiB-x100", Work::Unary(1 << 10), 100, 10, 20),
    scenario("unary-64KiB-x10", Work::Unary(64 << 10), 10, 30, 40),
    scenario("unary-deadline-x100", Work::Deadline, 100, 10, 20),
    scenario("unary-metadata-x100", Work::Metadata, 100, 10, 20),
    scenario("unary-retry-x100", Work::Retry, 100, 10, 30),
    scenario("unary-full-x100", Work::Full, 100, 10, 30),
    scenario("unary-intercepted-x100", Work::Intercepted, 100, 10, 30),
    scenario("unary-tenant-x100", Work::Tenant, 100, 10, 30),
    scenario("unary-immediate-x100", Work::Immediate, 100, 10, 30),
    scenario("server-stream-16B", Work::ServerStream(16), 1, 4000, 20000),
    scenario("pingpong-x1", Work::PingPong, 1, 300, 1000),
    scenario("pingpong-x100", Work::PingPong, 100, 10, 20),
];
