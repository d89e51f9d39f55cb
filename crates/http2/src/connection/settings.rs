//! SETTINGS, RFC 9113 §6.5: what we told the peer, what it told us.

use super::{Connection, Role};
use crate::{
    budget::Act,
    config::Config,
    error::{ConnectionError, PeerMisbehaved, Reason},
    event::Event,
    frame::{DEFAULT_WINDOW, MAX_WINDOW, MIN_MAX_FRAME_SIZE, Setting, Settings},
    later::later,
};
use std::{collections::VecDeque, time::Instant};

/// What we announced, and which of it the peer has acknowledged.
#[derive(Debug)]
pub(super) struct LocalSettings {
    unacknowledged: VecDeque<Announced>,
    /// The receive window that a new stream begins with, as we enforce it.
    pub(super) stream_window: u32,
    /// The receive window that credit strives for.
    pub(super) target_window: u32,
    /// The receive window that shall be announced as soon as the SETTINGS before are acknowledged.
    wanted_window: u32,
    /// The first SETTINGS are acknowledged: the peer knows our limits.
    pub(super) known: bool,
}

#[derive(Debug)]
struct Announced {
    deadline: Instant,
    /// Of the first SETTINGS: what takes effect with the acknowledgement.
    first: bool,
}

/// What the peer announced.
#[derive(Debug)]
pub(super) struct RemoteSettings {
    pub(super) max_frame_size: u32,
    pub(super) initial_window: u32,
    pub(super) max_streams: u32,
    /// `None`: no limit.
    pub(super) max_header_list: Option<u32>,
    /// Largest DATA payload that we send: the smaller of the peer's frame size and our quantum.
    pub(super) quantum: u32,
}

impl LocalSettings {
    pub(super) fn new(config: &Config) -> LocalSettings {
        let window = config.initial_stream_window.min(MAX_WINDOW);
        LocalSettings {
            unacknowledged: VecDeque::new(),
            // A smaller window binds the peer only once it has acknowledged it (RFC 9113 §6.9.2).
            stream_window: window.max(DEFAULT_WINDOW),
            target_window: window,
            wanted_window: window,
            known: false,
        }
    }

    /// Only the first SETTINGS must be acknowledged in time: later ones give the peer more window, and may wait
    /// behind a long queue of our own DATA.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unacknowledged
            .front()
            .filter(|announced| announced.first)
            .map(|announced| announced.deadline)
    }

    fn extend(&mut self, deadline: Instant) {
        if let Some(oldest) = self.unacknowledged.front_mut() {
            oldest.deadline = oldest.deadline.max(deadline);
        }
    }
}

impl RemoteSettings {
    pub(super) fn new(config: &Config) -> RemoteSettings {
        let mut remote = RemoteSettings {
            max_frame_size: MIN_MAX_FRAME_SIZE,
            initial_window: DEFAULT_WINDOW,
            max_streams: config.initial_max_send_streams,
            max_header_list: None,
            quantum: 0,
        };
        remote.set_quantum(config);
        remote
    }

    fn set_quantum(&mut self, config: &Config) {
        let ours = u32::try_from(config.send_quantum.max(1)).unwrap_or(u32::MAX);
        self.quantum = self.max_frame_size.min(ours);
    }
}

impl Connection {
    /// Our first SETTINGS.
    pub(super) fn announce_settings(&mut self, now: Instant) {
        let config = &self.config;
        let mut list = Vec::with_capacity(6);
        if config.header_table_size != 4096 {
            list.push(Setting::HeaderTableSize(config.header_table_size));
        }
        match self.role {
            Role::Client => list.push(Setting::EnablePush(false)),
            Role::Server => list.push(Setting::MaxConcurrentStreams(config.max_concurrent_streams)),
        }
        if self.local.target_window != DEFAULT_WINDOW {
            list.push(Setting::InitialWindowSize(self.local.target_window));
        }
        if config.max_frame_size != MIN_MAX_FRAME_SIZE {
            list.push(Setting::MaxFrameSize(config.max_frame_size));
        }
        list.push(Setting::MaxHeaderListSize(config.max_header_list_size));
        self.send_settings(now, &list, true);
    }

    fn send_settings(&mut self, now: Instant, list: &[Setting], first: bool) {
        self.output.frames(|out| Settings::encode(list, out));
        let deadline = later(now, self.config.settings_timeout);
        self.local.unacknowledged.reserve_exact(1);
        self.local
            .unacknowledged
            .push_back(Announced { deadline, first });
    }

    /// Raises the receive window of all streams, those that are open too. One change is announced at a time.
    pub(super) fn raise_stream_window(&mut self, now: Instant, window: u32) {
        let old = self.local.stream_window;
        self.local.wanted_window = self.local.wanted_window.max(window.min(MAX_WINDOW));
        let window = self.local.wanted_window;
        if window <= old || !self.local.unacknowledged.is_empty() {
            return;
        }
        // A stream whose reader waits for a huge message may have so much already that more would be too much for the peer's
        // account of it (RFC 9113 §6.9.2).
        let room = i64::from(MAX_WINDOW) - i64::from(window - old);
        if self
            .streams
            .iter_mut()
            .any(|(_, stream)| stream.credit.parts().0 > room)
        {
            return;
        }
        self.local.stream_window = window;
        self.local.target_window = window;
        self.send_settings(now, &[Setting::InitialWindowSize(window)], false);
        for (_, stream) in self.streams.iter_mut() {
            stream.credit.shift(i64::from(window) - i64::from(old));
        }
    }

    /// A SETTINGS frame.
    pub(super) fn on_settings(
        &mut self,
        now: Instant,
        settings: Settings<'_>,
    ) -> Result<(), PeerMisbehaved> {
        if settings == Settings::Ack {
            return self.on_settings_ack(now);
        }
        let cost = 1 + settings.count() / 32;
        let budget = self.config.budgets.of(Act::Settings);
        self.abuse.charge(Act::Settings, cost, budget, now)?;
        let mut initial_window = None;
        for setting in settings.iter() {
            match setting {
                Setting::HeaderTableSize(size) => {
                    self.encoder.set_peer_max_table_size(size as usize)
                }
                // RFC 9113 §6.5.2: a server must not send it with 1.
                Setting::EnablePush(true) if self.role == Role::Client => {
                    return Err(PeerMisbehaved::InvalidEnablePush);
                }
                Setting::EnablePush(_) | Setting::Unknown(..) => {}
                Setting::MaxConcurrentStreams(limit) => self.remote.max_streams = limit,
                Setting::InitialWindowSize(size) => initial_window = Some(size),
                Setting::MaxFrameSize(size) => {
                    self.remote.max_frame_size = size;
                    self.remote.set_quantum(&self.config);
                }
                Setting::MaxHeaderListSize(size) => self.remote.max_header_list = Some(size),
            }
        }
        if let Some(size) = initial_window {
            self.change_send_windows(size)?;
        }
        self.output.frames(Settings::encode_ack);
        self.charge_reply()?;
        self.offer_streams();
        Ok(())
    }

    /// The peer's first SETTINGS: what they do not limit is unlimited.
    pub(super) fn on_first_settings(
        &mut self,
        now: Instant,
        settings: Settings<'_>,
    ) -> Result<(), PeerMisbehaved> {
        if settings == Settings::Ack {
            return Err(PeerMisbehaved::FirstFrameNotSettings);
        }
        self.remote.max_streams = u32::MAX;
        self.events.reserve_exact(1); // often there is no other one
        self.events.push_back(Event::Ready);
        self.on_settings(now, settings)
    }

    /// RFC 9113 §6.9.2: the change applies to what is left of each stream's window.
    fn change_send_windows(&mut self, size: u32) -> Result<(), PeerMisbehaved> {
        let delta = i64::from(size) - i64::from(self.remote.initial_window);
        self.remote.initial_window = size;
        for (key, stream) in self.streams.iter_mut() {
            stream
                .window
                .shift(delta)
                .map_err(|_| PeerMisbehaved::WindowOverflow)?;
            if delta > 0 && stream.can_send() {
                self.schedule.make_ready(key);
            }
        }
        Ok(())
    }

    fn on_settings_ack(&mut self, now: Instant) -> Result<(), PeerMisbehaved> {
        let announced = self
            .local
            .unacknowledged
            .pop_front()
            .ok_or(PeerMisbehaved::UnexpectedSettingsAck)?;
        if !announced.first {
            self.raise_stream_window(now, 0);
            return Ok(());
        }
        self.local.known = true;
        self.blocks.set_table_size(self.config.header_table_size);
        let delta = i64::from(self.local.target_window) - i64::from(self.local.stream_window);
        if delta < 0 {
            self.local.stream_window = self.local.target_window;
            self.streams
                .iter_mut()
                .for_each(|(_, stream)| stream.credit.shift(delta));
        }
        Ok(())
    }

    /// A peer that can be heard is not late: behind a slow path its acknowledgement may have to wait for
    /// a long queue of DATA.
    pub(super) fn on_settings_timeout(&mut self, now: Instant) {
        let extended = later(self.keepalive.heard(), self.config.settings_timeout);
        if extended > now {
            self.local.extend(extended);
        }
        if self
            .local
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            let text = "SETTINGS were not acknowledged";
            self.send_goaway(
                self.last_peer_stream(),
                Reason::SETTINGS_TIMEOUT,
                text.as_bytes(),
            );
            self.end(ConnectionError::SettingsTimeout);
        }
    }
}
