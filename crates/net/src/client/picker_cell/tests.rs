use super::*;
use crate::transport::mailbox::{Interest, Kept, Outgoing};
use farcall_core::{Metadata, MethodDescriptor, MethodKind};
use farcall_http2::Reason;
use std::sync::atomic::AtomicUsize;

/// Counts how often it is begun.
#[derive(Clone, Debug, Default)]
struct Counting(Arc<AtomicUsize>);

impl Preparation for Counting {
    fn begin(&self, _: &Arc<Mailbox>) -> Begun {
        self.0.fetch_add(1, Ordering::Relaxed);
        Begun::Waits
    }

    fn of_attempt(&self) -> Box<dyn Preparation> {
        Box::new(self.clone())
    }
}

fn prepared_by(counting: &Counting) -> Arc<Mailbox> {
    let kept = Kept {
        place: Mutex::default(),
        preparation: Some(Box::new(counting.clone())),
    };
    let route = Route {
        method: MethodDescriptor::from_static("/t.T/Any", MethodKind::Unary),
        metadata: Metadata::new(),
        wait_for_ready: false,
        receive_limit: 0,
        config: Configured::None,
        kept: Some(Box::new(kept)),
    };
    Mailbox::new(None, Interest::Any, Outgoing::default(), Some(route))
}

fn in_state(state: ConnectivityState) -> PickerCell {
    let picker = || Arc::new(DropPicker(Status::unavailable("nobody is there")));
    let cell = PickerCell::new(picker());
    let notice = cell.publish(Snapshot {
        state,
        picker: picker(),
        transports: Box::default(),
        config: None,
        last_error: None,
    });
    assert!(notice.is_empty());
    cell
}

#[test]
fn the_attempts_of_a_call_that_is_over_are_not_prepared() {
    for state in [ConnectivityState::Ready, ConnectivityState::Idle] {
        let (cell, counting) = (in_state(state), Counting::default());
        let over = prepared_by(&counting);
        over.cancel(Reason::CANCEL, || Status::cancelled("the caller left"));
        assert!(cell.dispatch(&over, usize::MAX).is_empty());
        assert_eq!(counting.0.load(Ordering::Relaxed), 0);
        assert!(!cell.is_wanted(), "nor has it failed for want of anything");
    }
    let (cell, counting) = (in_state(ConnectivityState::Ready), Counting::default());
    let open = prepared_by(&counting);
    assert!(cell.dispatch(&open, usize::MAX).is_empty());
    assert_eq!(counting.0.load(Ordering::Relaxed), 1, "others are");
}
