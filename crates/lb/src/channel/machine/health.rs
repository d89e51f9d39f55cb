//! The health of connections that policies want watched.

use std::sync::Arc;
use std::time::Instant;

use super::super::action::Action;
use super::{Channel, Input, TimerKey};
use crate::health::{Health, HealthEvent, HealthOrder, HealthWatch};
use crate::subchannel::{ConnectionId, SubchannelId};

impl Channel {
    /// Something has happened to a call that watches the health of a connection's backend, see [`Action::WatchHealth`].
    /// Events of calls that the channel has given up change nothing.
    pub fn handle_health(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        number: u64,
        event: HealthEvent,
    ) {
        self.begin();
        let id = connection.subchannel();
        let member = self.pool.member(id);
        let watched = member.and_then(|member| member.health.as_mut());
        if let Some((_, watch)) = watched.filter(|(watched, _)| *watched == connection) {
            watch.handle_event(now, number, event);
            self.health_changed(id);
        }
        self.settle(now);
    }

    /// A policy wants to know how fit the backend of a subchannel is.
    pub(super) fn watch_health(&mut self, now: Instant, id: SubchannelId) {
        let service = self.health_service();
        let seed = match service {
            Some(_) => self.host.random(),
            None => 0,
        };
        let Some(member) = self.pool.member(id) else {
            return;
        };
        let Some(connection) = member.machine.ready_connection() else {
            return;
        };
        match &member.health {
            Some((watched, watch)) if *watched == connection => {
                let known = watch.health().cloned();
                let known = known.map(|health| Input::Health(id, health));
                self.inputs.extend(known);
            }
            _ => {
                let watch = HealthWatch::new(service, now, seed);
                member.health = Some((connection, Box::new(watch)));
                self.health_changed(id);
            }
        }
    }

    /// The time of a watch has come.
    pub(super) fn health_timeout(&mut self, now: Instant, id: SubchannelId) {
        let member = self.pool.member(id);
        if let Some((_, watch)) = member.and_then(|member| member.health.as_mut()) {
            watch.handle_timeout(now);
            self.health_changed(id);
        }
    }

    /// The service config has changed.
    pub(super) fn reconfigure_health(&mut self, now: Instant) {
        let service = self.health_service();
        for id in self.pool.ids() {
            let member = self.pool.member(id);
            if let Some((_, watch)) = member.and_then(|member| member.health.as_mut()) {
                watch.configure(now, service.clone());
                self.health_changed(id);
            }
        }
    }

    /// Ends the watch of a subchannel whose connection is not ready any more.
    pub(super) fn end_lost_watch(&mut self, id: SubchannelId) {
        let Some(member) = self.pool.member(id) else {
            return;
        };
        let ready = member.machine.ready_connection();
        if let Some((watched, _)) = &member.health
            && ready != Some(*watched)
        {
            self.end_watch(id);
        }
    }

    pub(super) fn end_watch(&mut self, id: SubchannelId) {
        let member = self.pool.member(id);
        let Some((connection, watch)) = member.and_then(|member| member.health.take()) else {
            return;
        };
        self.timers.set(TimerKey::Health(id), None);
        let number = watch.running();
        let stop = number.map(|number| Action::StopHealthWatch { connection, number });
        self.actions.extend(stop);
    }

    /// Carries out what the watch wants, tells the policy, and sets the timer.
    fn health_changed(&mut self, id: SubchannelId) {
        let member = self.pool.member(id);
        let Some((connection, watch)) = member.and_then(|member| member.health.as_mut()) else {
            return;
        };
        let connection = *connection;
        while let Some(order) = watch.poll_order() {
            self.actions.push_back(match order {
                HealthOrder::Watch { number, service } => Action::WatchHealth {
                    connection,
                    number,
                    service,
                },
                HealthOrder::Stop { number } => Action::StopHealthWatch { connection, number },
            });
        }
        let news: Option<Health> = watch.poll_news();
        self.timers.set(TimerKey::Health(id), watch.poll_timeout());
        self.inputs
            .extend(news.map(|health| Input::Health(id, health)));
    }

    /// What the service config wants backends asked for.
    fn health_service(&self) -> Option<Arc<str>> {
        if !self.plan.health_checks {
            return None;
        }
        let config = self.service_configs.current()?;
        config.health_check_service().map(Arc::from)
    }
}
