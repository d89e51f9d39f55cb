use super::*;
use std::time::Instant;

/// A hedged call on a clock of its own, in milliseconds.
struct Sim {
    call: HedgeState,
    start: Instant,
    now: Instant,
    /// When attempts have started.
    starts: Vec<u128>,
}

impl Sim {
    fn new(attempts: u32, delay: &str, throttling: &str) -> Sim {
        let policy = format!(
            r#""hedgingPolicy": {{
                "maxAttempts": {attempts}, "hedgingDelay": "{delay}",
                "nonFatalStatusCodes": ["UNAVAILABLE", "ABORTED"]
            }}"#
        );
        Sim::of(Arc::new(plan_of(&policy, throttling)))
    }

    fn of(plan: Arc<RetryPlan>) -> Sim {
        let now = Instant::now();
        let mut sim = Sim {
            call: HedgeState::new(plan, RetryOptions::default()).unwrap(),
            start: now,
            now,
            starts: Vec::new(),
        };
        sim.settle();
        sim
    }

    fn settle(&mut self) {
        while self.call.poll_attempt(self.now) {
            self.starts.push((self.now - self.start).as_millis());
        }
    }

    /// Lets time pass until so many milliseconds after the start.
    fn until(&mut self, millis: u64) {
        let end = self.start + Duration::from_millis(millis);
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.settle();
        }
        self.now = end;
    }

    fn fail(&mut self, ended: Ended) {
        self.call.on_failure(self.now, ended);
        self.settle();
    }
}

#[test]
fn attempts_start_one_delay_after_the_other_up_to_the_maximum() {
    let mut sim = Sim::new(4, "0.5s", "");
    sim.until(10_000);
    assert_eq!(sim.starts, [0, 500, 1000, 1500]);
    assert!(!sim.call.is_over(), "they are all on their way");
}

#[test]
fn without_a_delay_all_attempts_start_at_once() {
    let sim = Sim::new(3, "0s", "");
    assert_eq!(sim.starts, [0, 0, 0]);
}

#[test]
fn a_failure_that_is_not_fatal_starts_the_next_attempt_and_the_delay_counts_from_there() {
    let mut sim = Sim::new(4, "0.5s", "");
    sim.until(200);
    sim.fail(down());
    sim.until(5000);
    assert_eq!(sim.starts, [0, 200, 700, 1200]);
}

#[test]
fn a_fatal_failure_ends_the_call_while_others_are_on_their_way() {
    let mut sim = Sim::new(4, "0.5s", "");
    sim.until(600);
    sim.fail(Status::internal("broken").into());
    assert!(sim.call.is_over());
    sim.until(5000);
    assert_eq!(sim.starts, [0, 500]);
}

#[test]
fn the_call_ends_with_the_last_failure_when_all_attempts_have_failed() {
    let mut sim = Sim::new(3, "0.5s", "");
    for text in ["a", "b", "c"] {
        assert!(!sim.call.is_over());
        sim.fail(Status::unavailable(text).into());
    }
    assert!(sim.call.is_over());
    let previous = sim.call.take_previous();
    let messages: Vec<_> = previous.iter().map(Status::message).collect();
    assert_eq!(messages, ["a", "b"]);
}

#[test]
fn a_server_that_forbids_retries_stops_further_attempts_and_not_those_on_their_way() {
    let mut sim = Sim::new(5, "0.5s", "");
    sim.until(600);
    sim.fail(pushed(Pushback::Never));
    assert!(!sim.call.is_over(), "the second one may succeed");
    sim.until(5000);
    sim.fail(down());
    assert_eq!(sim.starts, [0, 500]);
    assert!(sim.call.is_over());
}

#[test]
fn a_pushback_says_when_the_next_attempt_starts_and_the_delay_counts_from_there() {
    for pause in [0, 2000] {
        let mut sim = Sim::new(4, "0.5s", "");
        sim.until(100);
        sim.fail(pushed(Pushback::After(Duration::from_millis(pause))));
        sim.until(10_000);
        let next = 100 + u128::from(pause);
        assert_eq!(sim.starts, [0, next, next + 500, next + 1000]);
    }
}

#[test]
fn an_attempt_that_ran_out_of_its_time_is_not_fatal() {
    let mut sim = Sim::new(2, "9s", "");
    let late = Ended {
        timed_out: true,
        ..Status::deadline_exceeded("").into()
    };
    sim.fail(late);
    assert_eq!(sim.starts.len(), 2);
}

#[test]
fn nothing_starts_once_a_response_has_begun_and_the_others_are_told_as_cancelled() {
    let mut sim = Sim::new(5, "0.5s", "");
    sim.fail(down());
    sim.until(600);
    sim.call.commit();
    sim.until(5000);
    assert_eq!(sim.starts, [0, 0, 500]);
    let codes: Vec<_> = sim.call.take_previous().iter().map(Status::code).collect();
    assert_eq!(codes, [Code::Unavailable, Code::Cancelled]);
}

#[test]
fn the_first_attempt_is_always_made_and_others_only_while_the_bucket_is_more_than_half_full() {
    let text = r#", "retryThrottling": {"maxTokens": 4, "tokenRatio": 1}"#;
    let mut sim = Sim::new(5, "0.5s", text);
    let plan = Arc::clone(&sim.call.plan);
    sim.fail(down());
    assert_eq!(sim.starts.len(), 2, "3 tokens");
    sim.fail(down());
    assert_eq!(sim.starts.len(), 2, "2 tokens");
    assert!(sim.call.is_over());
    let mut other = Sim::of(Arc::clone(&plan));
    other.until(5000);
    assert_eq!(other.starts, [0]);
    other.call.commit();
    other.call.on_end(Code::Ok, Pushback::None);
    let mut third = Sim::of(plan);
    third.until(500);
    assert_eq!(third.starts.len(), 2, "3 tokens again");
}

#[test]
fn a_request_that_cannot_be_kept_is_told_and_its_memory_given_back() {
    let mut sim = Sim::new(5, "0.5s", "");
    let memory = Arc::clone(&sim.call.plan.memory);
    assert!(sim.call.keep(400) && !sim.call.keep(401));
    assert_eq!(memory.used(), 400);
    sim.call.commit();
    assert_eq!(memory.used(), 0);
    let mut two = Sim::new(2, "1s", "");
    let memory = Arc::clone(&two.call.plan.memory);
    assert!(two.call.keep(100));
    drop(two);
    assert_eq!(memory.used(), 0);
}
