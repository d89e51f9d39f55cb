//! What connections tell: what it means to the channel's machine, and what is worth a line in the log.

use super::{Control, Link};
use crate::client::news::{Disconnect, News};
use crate::clock;
use farcall_core::Code;
use farcall_http2::Config;
use farcall_lb::{
    health::HealthEvent,
    subchannel::{ConnectionEvent, ConnectionId},
};
use std::{mem, sync::Arc, time::Instant};

impl Control {
    pub(super) fn on_news(&mut self, now: Instant, id: ConnectionId, news: News) {
        let group = self.connections.get(&id).map_or(id, |link| link.group);
        let event = match news {
            News::Ready => {
                if let Some(link) = self.connections.get_mut(&id) {
                    link.ready = true;
                    link.up = true;
                    link.making = None;
                }
                if self.is_further(id) {
                    return self.on_further_ready(now, id);
                }
                self.room = true;
                ConnectionEvent::Connected
            }
            News::Refused(cause) => {
                if self.is_further(id) {
                    return self.on_further_failed(now, id);
                }
                self.connections.remove(&id);
                ConnectionEvent::ConnectFailed(cause)
            }
            News::GoingAway(disconnect) => {
                self.note_disconnect(id, &disconnect);
                if let Some(link) = self.connections.get_mut(&id) {
                    link.ready = false;
                }
                if self.has_sibling(now, id, disconnect.useless) {
                    return;
                }
                if disconnect.useless {
                    ConnectionEvent::ConnectFailed(disconnect.explained())
                } else {
                    ConnectionEvent::Draining(disconnect.reason())
                }
            }
            News::Closed(disconnect) => {
                self.note_disconnect(id, &disconnect);
                let idle = self.idleness.answered(now, id, disconnect.used);
                if self.has_sibling(now, id, disconnect.useless) {
                    self.connections.remove(&id);
                    if idle {
                        self.enter_idle();
                    }
                    return;
                }
                let event = match self.connections.remove(&id).map(|link| *link) {
                    Some(Link { ready, .. })
                        if disconnect.goaway.is_none() && (!ready || disconnect.useless) =>
                    {
                        ConnectionEvent::ConnectFailed(disconnect.explained())
                    }
                    _ => ConnectionEvent::Disconnected(disconnect.reason()),
                };
                self.machine.handle_connection(now, group, event);
                if idle {
                    self.enter_idle();
                }
                return;
            }
            News::Health(number, event) => {
                self.on_health(now, id, number, event);
                return;
            }
            News::Room => {
                self.room = true;
                return;
            }
            News::Used(used) => {
                if self.idleness.answered(now, id, used) {
                    self.enter_idle();
                }
                return;
            }
            News::Unsent(mailboxes) => {
                for mailbox in mailboxes {
                    self.dispatch(now, &mailbox);
                }
                return;
            }
            News::Later(calls) => {
                for later in calls {
                    self.backoffs.push(later);
                }
                return;
            }
        };
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
