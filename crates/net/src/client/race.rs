//! Several addresses of one name: attempts overlap, so that an address that does not answer costs the others little.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The pause after which the next address is tried although the one before has not failed (RFC 8305 §5).
pub(super) const STAGGER: Duration = Duration::from_millis(250);

/// Tries the items in order: the next one begins when one has failed, or after [`STAGGER`]. The first success wins and the
/// other attempts are dropped; if there is none, the last failure. `None`: there are no items.
pub(super) async fn first<I, T, E, F>(
    items: impl IntoIterator<Item = I>,
    mut attempt: impl FnMut(I) -> F,
) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut items = items.into_iter();
    let mut running: Vec<Pin<Box<F>>> = vec![Box::pin(attempt(items.next()?))];
    let mut left = true;
    let mut next = Box::pin(sleep_until(Instant::now() + STAGGER));
    let mut failure = None;
    let outcome = poll_fn(|cx| {
        loop {
            let mut failed = false;
            let mut index = 0;
            while let Some(one) = running.get_mut(index) {
                match one.as_mut().poll(cx) {
                    Poll::Ready(Ok(success)) => return Poll::Ready(Some(success)),
                    Poll::Ready(Err(error)) => {
                        failure = Some(error);
                        failed = true;
                        drop(running.remove(index));
                    }
                    Poll::Pending => index += 1,
                }
            }
            let due = left && (failed || running.is_empty() || next.as_mut().poll(cx).is_ready());
            match due.then(|| items.next()) {
                Some(Some(item)) => {
                    running.push(Box::pin(attempt(item)));
                    next.as_mut().reset(Instant::now() + STAGGER);
                }
                Some(None) => left = false,
                None if running.is_empty() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    })
    .await;
    match outcome {
        Some(success) => Some(Ok(success)),
        None => failure.map(Err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    /// After so many milliseconds: this.
    async fn after(plan: (u64, Result<u8, u8>)) -> Result<u8, u8> {
        sleep(Duration::from_millis(plan.0)).await;
        plan.1
    }

    async fn run(plans: &[(u64, Result<u8, u8>)]) -> (Option<Result<u8, u8>>, u128) {
        let start = Instant::now();
        let outcome = first(plans.iter().copied(), after).await;
        (outcome, start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_never_answers_does_not_keep_the_next_one_waiting() {
        let (outcome, took) = run(&[(1_000_000, Ok(1)), (10, Ok(2))]).await;
        assert_eq!((outcome, took), (Some(Ok(2)), 260));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_brings_the_next_one_at_once_and_the_last_is_told() {
        let (outcome, took) = run(&[(10, Err(1)), (10, Ok(2))]).await;
        assert_eq!((outcome, took), (Some(Ok(2)), 20));
        let (outcome, took) = run(&[(10, Err(1)), (20, Err(2))]).await;
        assert_eq!((outcome, took), (Some(Err(2)), 30));
        assert_eq!(run(&[]).await.0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_one_may_still_win() {
        let (outcome, took) = run(&[(300, Ok(1)), (100, Ok(2))]).await;
        assert_eq!((outcome, took), (Some(Ok(1)), 300));
    }
}
