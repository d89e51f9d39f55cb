//! What can happen to a fleet.

use std::time::Duration;

/// How late the calls of a slow backend are.
pub(super) const SLOW: Duration = Duration::from_millis(20);
/// How long a frozen one stands still.
pub(super) const FROZEN: Duration = Duration::from_millis(300);

/// What happens at one time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The list grows by these.
    Add(usize, usize),
    /// The list loses one that goes on running.
    Remove(usize),
    Kill(usize),
    /// A graceful stop; the list keeps it.
    Drain(usize),
    /// Another process in the place of one that is gone.
    Start(usize),
    Slow(usize),
    Fast(usize),
    /// Stopped where it stands for a while.
    Freeze(usize),
}

/// In words.
pub(super) fn name(event: Option<Event>) -> String {
    let Some(event) = event else {
        return "begin with 1 to 8".into();
    };
    match event {
        Event::Add(one, other) if one == other => format!("list {one} again"),
        Event::Add(one, other) => format!("add {one} and {other}"),
        Event::Remove(number) => format!("remove {number} from the list"),
        Event::Kill(number) => format!("kill {number}"),
        Event::Drain(number) => format!("drain {number}"),
        Event::Start(number) => format!("start {number} again"),
        Event::Slow(number) => format!("make {number} slow by {} ms", SLOW.as_millis()),
        Event::Fast(number) => format!("make {number} fast again"),
        Event::Freeze(number) => format!("freeze {number} for {} ms", FROZEN.as_millis()),
    }
}
