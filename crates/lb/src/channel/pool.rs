//! The subchannels of a channel, and the connections that outlive theirs.

use std::collections::{BTreeMap, BTreeSet};

use farcall_core::Attributes;

use crate::balancer::SubchannelSpec;
use crate::health::HealthWatch;
use crate::subchannel::{
    ConnectionEvent, ConnectionId, Subchannel, SubchannelConfig, SubchannelId,
};

use super::action::Action;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) machine: Subchannel,
    pub(super) endpoint_attributes: Attributes,
    /// The connection whose health is watched.
    pub(super) health: Option<(ConnectionId, Box<HealthWatch>)>,
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Boxed: a tree makes room for eleven at once, and most channels have one.
    members: BTreeMap<SubchannelId, Box<Member>>,
    /// Connections that take no new calls and have not ended yet.
    draining: BTreeSet<ConnectionId>,
}

impl Pool {
    pub(super) fn create(
        &mut self,
        id: SubchannelId,
        spec: SubchannelSpec,
        config: SubchannelConfig,
        seed: u64,
    ) {
        let member = Member {
            machine: Subchannel::new(id, spec.address, config, seed),
            endpoint_attributes: spec.endpoint_attributes,
            health: None,
        };
        self.members.insert(id, Box::new(member));
    }

    pub(super) fn member(&mut self, id: SubchannelId) -> Option<&mut Member> {
        self.members.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn ids(&self) -> Vec<SubchannelId> {
        self.members.keys().copied().collect()
    }

    /// Removes a subchannel; its attempt is cut, its connection drained.
    pub(super) fn remove(&mut self, id: SubchannelId) -> Option<Action> {
        let mut member = self.members.remove(&id)?;
        let (connection, ready) = member.machine.shutdown()?;
        if !ready {
            return Some(Action::Close(connection));
        }
        self.draining.insert(connection);
        Some(Action::Drain(connection))
    }

    /// Keeps the book of connections that live on without their subchannel.
    pub(super) fn note(&mut self, connection: ConnectionId, event: &ConnectionEvent) {
        match event {
            ConnectionEvent::Draining(_) => {
                let ready = self.members.get(&connection.subchannel());
                if ready.is_some_and(|m| m.machine.ready_connection() == Some(connection)) {
                    self.draining.insert(connection);
                }
            }
            ConnectionEvent::Disconnected(_) | ConnectionEvent::ConnectFailed(_) => {
                self.draining.remove(&connection);
            }
            ConnectionEvent::Connected => {}
        }
    }

    /// Takes the connections that are draining, to cut them.
    pub(super) fn take_draining(&mut self) -> BTreeSet<ConnectionId> {
        std::mem::take(&mut self.draining)
    }
}
