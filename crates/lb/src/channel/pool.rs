//! The subchannels of a channel, and the connections that outlive theirs.

use std::collections::BTreeSet;

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
    /// Sorted. No tree, which makes room for eleven at once: most channels have one.
    members: Vec<(SubchannelId, Box<Member>)>,
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
        let member = (id, Box::new(member));
        match self.position(id) {
            Ok(at) => self.members[at] = member,
            Err(at) => {
                if self.members.is_empty() {
                    self.members.reserve_exact(1);
                }
                self.members.insert(at, member);
            }
        }
    }

    fn position(&self, id: SubchannelId) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |(id, _)| *id)
    }

    pub(super) fn member(&mut self, id: SubchannelId) -> Option<&mut Member> {
        let at = self.position(id).ok()?;
        self.members.get_mut(at).map(|(_, member)| &mut **member)
    }

    pub(super) fn ids(&self) -> Vec<SubchannelId> {
        self.members.iter().map(|(id, _)| *id).collect()
    }

    /// Removes a subchannel; its attempt is cut, its connection drained.
    pub(super) fn remove(&mut self, id: SubchannelId) -> Option<Action> {
        let (_, mut member) = self.members.remove(self.position(id).ok()?);
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
                let member = self.member(connection.subchannel());
                if member.is_some_and(|m| m.machine.ready_connection() == Some(connection)) {
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
