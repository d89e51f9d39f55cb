//! The calls that watch the health of backends (gRFC A17): one for each subchannel, on one of its connections that takes calls.

use super::Control;
use crate::client::{health::HealthCall, inbox::Reporter};
use farcall_core::Status;
use farcall_lb::{health::HealthEvent, subchannel::ConnectionId};
use std::{sync::Arc, time::Instant};

/// A running call.
pub(super) struct Watch {
    /// Dropped, it is cancelled.
    call: HealthCall,
    service: Arc<str>,
    /// The connection that it is made on.
    on: ConnectionId,
}

impl Control {
    /// Starts the call that the machine wants for the subchannel of which it knows this connection.
    pub(super) fn watch_health(
        &mut self,
        now: Instant,
        group: ConnectionId,
        number: u64,
        service: Arc<str>,
    ) {
        if !self.start_watch(group, number, service) {
            let status = Status::unavailable("the connection is gone");
            let event = HealthEvent::Ended(status);
            self.machine.handle_health(now, group, number, event);
        }
    }

    /// The call on this connection says something. What one says that another has taken over from changes nothing.
    pub(super) fn on_health(
        &mut self,
        now: Instant,
        on: ConnectionId,
        number: u64,
        event: HealthEvent,
    ) {
        let mut watches = self.watches.iter();
        let is_this = |watch: &Watch| watch.on == on && watch.call.number() == number;
        let Some((&group, _)) = watches.find(|(_, watch)| is_this(watch)) else {
            return;
        };
        self.note_health(group, &event);
        if let HealthEvent::Ended(_) = event {
            self.watches.remove(&group);
        }
        self.machine.handle_health(now, group, number, event);
    }

    pub(super) fn stop_watch(&mut self, group: ConnectionId, number: u64) {
        let watch = self.watches.get(&group);
        if watch.is_some_and(|watch| watch.call.number() == number) {
            self.watches.remove(&group);
        }
    }

    /// A connection takes no more calls while others of its subchannel do: if the backend is watched there, one of them takes
    /// that over, and nobody notices.
    pub(super) fn move_watch(&mut self, group: ConnectionId, from: ConnectionId) {
        let Some(watch) = self.watches.remove(&group) else {
            return;
        };
        let number = watch.call.number();
        match watch.on == from {
            true => drop(self.start_watch(group, number, Arc::clone(&watch.service))),
            false => drop(self.watches.insert(group, watch)),
        }
    }

    /// False: no connection of the subchannel takes calls.
    fn start_watch(&mut self, group: ConnectionId, number: u64, service: Arc<str>) -> bool {
        let mut links = self.connections.iter();
        let Some((on, link)) = links.find(|(_, link)| link.group == group && link.ready) else {
            return false;
        };
        let on = *on;
        let reporter = Reporter {
            id: on,
            inbox: Arc::clone(&self.shared.inbox),
        };
        let call = HealthCall::start(&self.shared, &link.submit, reporter, number, &service);
        self.watches.insert(group, Watch { call, service, on });
        true
    }
}
