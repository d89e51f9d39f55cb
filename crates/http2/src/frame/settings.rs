//! SETTINGS, RFC 9113 §6.5.

use super::{Head, Kind, MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE, flags};
use crate::error::PeerMisbehaved;

/// One parameter (RFC 9113 §6.5.2), in range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// SETTINGS_HEADER_TABLE_SIZE
    HeaderTableSize(u32),
    /// SETTINGS_ENABLE_PUSH
    EnablePush(bool),
    /// SETTINGS_MAX_CONCURRENT_STREAMS
    MaxConcurrentStreams(u32),
    /// SETTINGS_INITIAL_WINDOW_SIZE, at most 2^31−1
    InitialWindowSize(u32),
    /// SETTINGS_MAX_FRAME_SIZE, 16,384 to 16,777,215
    MaxFrameSize(u32),
    /// SETTINGS_MAX_HEADER_LIST_SIZE
    MaxHeaderListSize(u32),
    /// A parameter that is not of RFC 9113: ignored.
    Unknown(u16, u32),
}

impl Setting {
    const LEN: usize = 6;

    fn parse(bytes: &[u8; Setting::LEN]) -> Result<Setting, PeerMisbehaved> {
        let [i0, i1, v0, v1, v2, v3] = *bytes;
        let (id, value) = (
            u16::from_be_bytes([i0, i1]),
            u32::from_be_bytes([v0, v1, v2, v3]),
        );
        Ok(match id {
            1 => Setting::HeaderTableSize(value),
            2 if value > 1 => return Err(PeerMisbehaved::InvalidEnablePush),
            2 => Setting::EnablePush(value == 1),
            3 => Setting::MaxConcurrentStreams(value),
            4 if value > MAX_WINDOW => return Err(PeerMisbehaved::InvalidInitialWindow),
            4 => Setting::InitialWindowSize(value),
            5 if !(MIN_MAX_FRAME_SIZE..=MAX_MAX_FRAME_SIZE).contains(&value) => {
                return Err(PeerMisbehaved::InvalidMaxFrameSize);
            }
            5 => Setting::MaxFrameSize(value),
            6 => Setting::MaxHeaderListSize(value),
            _ => Setting::Unknown(id, value),
        })
    }

    fn parts(self) -> (u16, u32) {
        match self {
            Setting::HeaderTableSize(value) => (1, value),
            Setting::EnablePush(on) => (2, u32::from(on)),
            Setting::MaxConcurrentStreams(value) => (3, value),
            Setting::InitialWindowSize(value) => (4, value),
            Setting::MaxFrameSize(value) => (5, value),
            Setting::MaxHeaderListSize(value) => (6, value),
            Setting::Unknown(id, value) => (id, value),
        }
    }
}

/// A SETTINGS frame that has been checked as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settings<'a> {
    /// The acknowledgement of ours.
    Ack,
    /// The parameters as they stand in the payload, see [`Settings::iter`].
    List(&'a [u8]),
}

impl<'a> Settings<'a> {
    /// How many parameters there are.
    pub(crate) fn count(&self) -> u32 {
        match self {
            Settings::Ack => 0,
            Settings::List(entries) => (entries.len() / Setting::LEN) as u32,
        }
    }

    /// Reads a payload; all parameters are in range afterwards.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on a stream, has a length that does not fit, or a value out of range (RFC 9113 §6.5).
    pub fn parse(head: &Head, payload: &'a [u8]) -> Result<Settings<'a>, PeerMisbehaved> {
        head.require_no_stream()?;
        if head.has(flags::ACK) {
            head.require_len(0)?;
            return Ok(Settings::Ack);
        }
        let (entries, rest) = payload.as_chunks::<{ Setting::LEN }>();
        if !rest.is_empty() {
            return Err(PeerMisbehaved::WrongFrameSize);
        }
        for entry in entries {
            Setting::parse(entry)?;
        }
        Ok(Settings::List(payload))
    }

    /// The parameters in order; none for an acknowledgement.
    pub fn iter(&self) -> impl Iterator<Item = Setting> + use<'a> {
        let payload: &'a [u8] = match self {
            Settings::Ack => &[],
            Settings::List(payload) => payload,
        };
        let (entries, _) = payload.as_chunks::<{ Setting::LEN }>();
        entries
            .iter()
            .filter_map(|entry| Setting::parse(entry).ok())
    }

    /// Appends a frame with these parameters.
    pub fn encode(list: &[Setting], out: &mut Vec<u8>) {
        let len = (list.len() * Setting::LEN) as u32;
        Settings::head(len, 0).encode(out);
        for setting in list {
            let (id, value) = setting.parts();
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        }
    }

    /// Appends an acknowledgement.
    pub fn encode_ack(out: &mut Vec<u8>) {
        Settings::head(0, flags::ACK).encode(out);
    }

    fn head(len: u32, flags: u8) -> Head {
        Head {
            len,
            kind: Kind::SETTINGS,
            flags,
            stream: 0,
        }
    }
}
