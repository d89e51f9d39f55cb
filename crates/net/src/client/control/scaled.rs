//! Several connections of one subchannel (gRFC A105). The channel's machine knows of the first alone: it is told of a change when
//! the first of them is ready, and when none is any more.

use super::{Control, Link};
use crate::{
    client::{
        gauge::Gauge,
        scaling::{Group, Scale},
        transports::{Member, Transports},
    },
    transport::submit::Request,
};
use farcall_lb::{
    Address,
    subchannel::{ConnectionId, SubchannelId},
};
use std::{sync::Arc, time::Instant};

/// Numbers of connections that are not the machine's.
const FURTHER: u64 = 1 << 48;
/// What a service config can ask for at most, as in other implementations of gRFC A105.
const MAX_BY_CONFIG: u32 = 10;

impl Control {
    fn scale(&self) -> Scale {
        let config = self.machine.service_config();
        let by_config = config.and_then(|config| config.max_connections_per_subchannel());
        let by_config = by_config.unwrap_or(1).min(MAX_BY_CONFIG) as usize;
        let eager = self.shared.settings.connections_per_backend;
        Scale {
            max: by_config.max(eager),
            eager,
        }
    }

    /// Prepares for further connections beside a first one, if there can be any.
    pub(super) fn open_group(
        &mut self,
        now: Instant,
        id: ConnectionId,
        address: &Address,
        deadline: Instant,
    ) -> Option<Arc<Gauge>> {
        let scale = self.scale();
        if scale.is_single() {
            return None;
        }
        let timeout = deadline.saturating_duration_since(now);
        let group = Group::new(address.clone(), timeout, scale, fastrand::u64(..));
        self.groups.insert(id, group);
        Some(Arc::default())
    }

    pub(super) fn is_further(&self, id: ConnectionId) -> bool {
        id.number() >= FURTHER
    }

    pub(super) fn on_further_ready(&mut self, now: Instant, id: ConnectionId) {
        let Some(group) = self.connections.get(&id).map(|link| link.group) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(&group) {
            group.on_ready();
        }
        self.republish(now);
        self.grow(now, group, false);
    }

    pub(super) fn on_further_failed(&mut self, now: Instant, id: ConnectionId) {
        let link = self.connections.remove(&id);
        if let Some(group) = link.and_then(|link| self.groups.get_mut(&link.group)) {
            group.on_failed(now);
        }
    }

    /// A connection takes no more calls, or has ended: whether another one of its subchannel does, so that nothing has happened
    /// as far as the machine is concerned.
    pub(super) fn has_sibling(&mut self, now: Instant, id: ConnectionId, useless: bool) -> bool {
        let further = self.is_further(id);
        let Some(link) = self.connections.get_mut(&id) else {
            return false;
        };
        let (group, was_up) = (link.group, link.up);
        if !self.groups.contains_key(&group) {
            return false;
        }
        if !was_up && further {
            // It has never been ready: an attempt that failed late.
            if let Some(group) = self.groups.get_mut(&group) {
                group.on_failed(now);
            }
            return true;
        }
        link.ready = false;
        if !self.ready(group).any(|_| true) {
            self.end_group(group);
            return false;
        }
        if useless && let Some(group) = self.groups.get_mut(&group) {
            group.pause(now);
        }
        self.move_watch(group, id);
        self.republish(now);
        self.grow(now, group, false);
        true
    }

    /// The connections of a group that take calls.
    fn ready(&self, group: ConnectionId) -> impl Iterator<Item = &Link> {
        let links = self.connections.values();
        let links = links.map(Box::as_ref);
        links.filter(move |link| link.group == group && link.ready)
    }

    /// No connection of the group takes calls any more: attempts at further ones are given up.
    fn end_group(&mut self, group: ConnectionId) {
        self.groups.remove(&group);
        self.connections.retain(|id, link| {
            let attempt = link.group == group && *id != group && !link.up;
            if attempt {
                link.task.abort();
            }
            !attempt
        });
    }

    pub(super) fn drain(&mut self, group: ConnectionId) {
        self.end_group(group);
        for link in self
            .connections
            .values_mut()
            .filter(|link| link.group == group)
        {
            link.ready = false;
            link.submit.request(Request::Drain);
        }
    }

    pub(super) fn close(&mut self, group: ConnectionId) {
        self.end_group(group);
        self.connections.retain(|_, link| {
            if link.group != group {
                return true;
            }
            match link.up {
                true => drop(link.submit.request(Request::Close)),
                false => link.task.abort(),
            }
            false
        });
    }

    /// A call waits because the connections of a subchannel have no room.
    pub(super) fn on_full(&mut self, now: Instant, id: SubchannelId) {
        let mut ready = self.connections.values().filter(|link| link.ready);
        let Some(link) = ready.find(|link| link.group.subchannel() == id) else {
            return;
        };
        let group = link.group;
        if self
            .ready(group)
            .any(|link| link.gauge.as_ref().is_some_and(|g| g.has_room()))
        {
            // It has become free between the look and the wait.
            self.room = true;
            return;
        }
        self.grow(now, group, true);
    }

    /// Starts as many attempts as there should be.
    pub(super) fn grow(&mut self, now: Instant, group: ConnectionId, full: bool) {
        let up = self.ready(group).count();
        if up == 0 {
            return;
        }
        loop {
            let Some(state) = self.groups.get_mut(&group) else {
                return;
            };
            let Some(number) = state.poll_start(now, up, full) else {
                return;
            };
            let (address, deadline) = (state.address.clone(), now + state.timeout);
            let id = ConnectionId::new(
                group.subchannel(),
                FURTHER + (group.number() << 20) + number,
            );
            self.connect(now, id, group, address, deadline, Some(Arc::default()));
        }
    }

    /// Attempts whose pause is over, and calls for which there is room.
    pub(super) fn fire_groups(&mut self, now: Instant) {
        let due = self
            .groups
            .iter()
            .filter(|(_, group)| group.poll_timeout().is_some_and(|at| at <= now));
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for group in due {
            self.grow(now, group, false);
            // Calls that wait ask for more.
            self.room = true;
        }
        self.retry(now);
    }

    /// Lets waiting calls look again, if something has become free.
    pub(super) fn retry(&mut self, now: Instant) {
        if std::mem::take(&mut self.room) && !self.groups.is_empty() {
            let notice = self.shared.picks.retry();
            self.on_notice(now, notice);
        }
    }

    pub(super) fn groups_timeout(&self) -> Option<Instant> {
        if self.room && !self.groups.is_empty() {
            return Some(crate::clock::now());
        }
        self.groups.values().filter_map(Group::poll_timeout).min()
    }

    fn republish(&mut self, now: Instant) {
        let (state, picker) = (self.machine.state(), Arc::clone(self.machine.picker()));
        self.publish(now, state, picker);
    }

    /// What a pick chooses from.
    pub(super) fn transports(&self) -> Box<[(SubchannelId, Transports)]> {
        let mut links: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, link)| link.ready)
            .collect();
        // The first connection of a subchannel before its further ones.
        links.sort_unstable_by_key(|(id, _)| **id);
        let mut transports: Vec<(SubchannelId, Transports)> = Vec::with_capacity(links.len());
        let mut rest = &links[..];
        while let Some((id, link)) = rest.first() {
            let subchannel = id.subchannel();
            let same = rest
                .iter()
                .take_while(|(id, _)| id.subchannel() == subchannel)
                .count();
            let (these, others) = rest.split_at(same);
            rest = others;
            let members = these.iter().filter_map(|(_, link)| {
                Some(Member {
                    submit: Arc::clone(&link.submit),
                    gauge: Arc::clone(link.gauge.as_ref()?),
                })
            });
            let members: Vec<_> = members.collect();
            let all = match members.is_empty() {
                true => Transports::One(Arc::clone(&link.submit)),
                false => {
                    let spreads = self.groups.get(&link.group).is_some_and(Group::spreads);
                    Transports::several(members, spreads)
                }
            };
            transports.push((subchannel, all));
        }
        transports.into()
    }
}
