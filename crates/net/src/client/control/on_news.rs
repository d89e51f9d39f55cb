//! What connections tell: what it means to the channel's machine, and what is worth a line in the log.

use super::Control;
use crate::client::news::{Disconnect, News};
use crate::clock;
use farcall_core::Code;
use farcall_http2::Config;
use farcall_lb::{
    health::HealthEvent,
    subchannel::{Cause, ConnectionEvent, ConnectionId},
};
use std::{mem, sync::Arc, time::Instant};

impl Control {
    pub(super) fn on_news(&mut self, now: Instant, id: ConnectionId, news: News) {
        match news {
            News::Ready => self.on_ready(now, id),
            News::Refused(cause) => self.on_refused(now, id, cause),
            News::GoingAway(disconnect) => self.on_going_away(now, id, disconnect),
            News::Closed(disconnect) => self.on_closed(now, id, disconnect),
            News::Health(number, event) => self.on_health(now, id, number, event),
            News::Room => self.room = true,
            News::Used(used) => {
                if self.idleness.answered(now, id, used) {
                    self.enter_idle();
                }
            }
            News::Unsent(mailboxes) => {
                for mailbox in mailboxes {
                    self.dispatch(now, &mailbox);
                }
            }
            News::Later(calls) => {
                for later in calls {
                    self.backoffs.push(later);
                }
            }
        }
    }

    fn on_ready(&mut self, now: Instant, id: ConnectionId) {
        if let Some(link) = self.connections.get_mut(&id) {
            link.ready = true;
            link.up = true;
            link.making = None;
        }
        if self.is_further(id) {
            return self.on_further_ready(now, id);
        }
        self.room = true;
        self.tell_machine(now, self.group_of(id), ConnectionEvent::Connected);
    }

    fn on_refused(&mut self, now: Instant, id: ConnectionId, cause: Cause) {
        if self.is_further(id) {
            return self.on_further_failed(now, id);
        }
        let group = self.group_of(id);
        self.connections.remove(&id);
        self.tell_machine(now, group, ConnectionEvent::ConnectFailed(cause));
    }

    fn on_going_away(&mut self, now: Instant, id: ConnectionId, disconnect: Arc<Disconnect>) {
        self.note_disconnect(id, &disconnect);
        let group = self.group_of(id);
        if let Some(link) = self.connections.get_mut(&id) {
            link.ready = false;
        }
        if self.has_sibling(now, id, disconnect.useless) {
            return;
        }
        let event = match disconnect.useless {
            true => ConnectionEvent::ConnectFailed(disconnect.explained()),
            false => ConnectionEvent::Draining(disconnect.reason()),
        };
        self.tell_machine(now, group, event);
    }

    fn on_closed(&mut self, now: Instant, id: ConnectionId, disconnect: Arc<Disconnect>) {
        self.note_disconnect(id, &disconnect);
        let group = self.group_of(id);
        let idle = self.idleness.answered(now, id, disconnect.used);
        let others = self.has_sibling(now, id, disconnect.useless);
        let link = self.connections.remove(&id);
        if !others {
            let in_vain = link.is_some_and(|link| !link.ready || disconnect.useless);
            let event = match in_vain && disconnect.goaway.is_none() {
                true => ConnectionEvent::ConnectFailed(disconnect.explained()),
                false => ConnectionEvent::Disconnected(disconnect.reason()),
            };
            self.machine.handle_connection(now, group, event);
        }
        if idle {
            self.enter_idle();
        }
    }

    /// The connection that the machine knows: this one, or the first of several.
    fn group_of(&self, id: ConnectionId) -> ConnectionId {
        self.connections.get(&id).map_or(id, |link| link.group)
    }

    fn tell_machine(&mut self, now: Instant, group: ConnectionId, event: ConnectionEvent) {
        self.machine.handle_connection(now, group, event);
        if !self.groups.is_empty() {
            self.grow(now, group, false);
        }
    }

    /// A server's word about the end of a connection, for the log and for keepalive (gRFC A8).
    #[cold]
    fn note_disconnect(&mut self, id: ConnectionId, disconnect: &Disconnect) {
        let target = &self.shared.settings.target;
        log::debug!(target: "farcall", "{target}: {disconnect} (of the class {:?} of gRFC A94)", disconnect.reason().label());
        let Some(link) = self
            .connections
            .get(&id)
            .filter(|_| disconnect.is_too_many_pings())
        else {
            return;
        };
        let doubled = link.keepalive.and_then(|interval| interval.checked_mul(2));
        if let Some(doubled) = doubled
            && self
                .http2
                .keepalive_interval
                .is_some_and(|interval| interval < doubled)
        {
            log::warn!(
                target: "farcall",
                "{target}: {} calls the pings of keepalive too many: new connections send one in {doubled:?}",
                disconnect.peer
            );
            let mut http2 = Config::clone(&self.http2);
            http2.keepalive_interval = Some(doubled.min(clock::FOREVER));
            self.http2 = Arc::new(http2);
        }
    }

    /// A backend that has no health service counts as healthy; that is worth a line, once.
    #[cold]
    pub(super) fn note_health(&mut self, id: ConnectionId, event: &HealthEvent) {
        let HealthEvent::Ended(status) = event else {
            return;
        };
        let target = &self.shared.settings.target;
        log::debug!(target: "farcall", "{target}: the health of a backend is not watched any more ({id}): {status}");
        if status.code() == Code::Unimplemented && !mem::replace(&mut self.told_of_no_health, true)
        {
            log::warn!(
                target: "farcall",
                "{target}: the service config asks for health checks, and a backend has no health service: it counts as healthy"
            );
        }
    }
}
