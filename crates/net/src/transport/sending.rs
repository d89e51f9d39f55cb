//! Hands queued messages to the machine, small ones together.

use super::fifo::Fifo;
use bytes::Bytes;
use farcall_http2::{Connection, SendError, StreamKey};
use std::time::Instant;

/// Messages smaller than this travel in one DATA frame with their neighbours.
const SMALL: usize = 4 << 10;
/// Where a frame of gathered messages ends.
const GATHER: usize = 16 << 10;

/// Sends all of `data` in order; `end_stream` rides on the last frame.
pub(crate) fn send_data(
    connection: &mut Connection,
    now: Instant,
    stream: StreamKey,
    mut data: Fifo<Bytes>,
    end_stream: bool,
) -> Result<(), SendError> {
    let Some(mut chunk) = data.pop() else {
        return if end_stream {
            connection.send_data(now, stream, Bytes::new(), true)
        } else {
            Ok(())
        };
    };
    let mut gathered: Vec<u8> = Vec::new();
    while let Some(next) = data.pop() {
        if chunk.len() < SMALL
            && gathered.len() + chunk.len() < GATHER
            && (next.len() < SMALL || !gathered.is_empty())
        {
            gathered.extend_from_slice(&chunk);
        } else {
            if !gathered.is_empty() {
                connection.send_data(now, stream, std::mem::take(&mut gathered).into(), false)?;
            }
            connection.send_data(now, stream, chunk, false)?;
        }
        chunk = next;
    }
    if !gathered.is_empty() {
        if chunk.len() < SMALL {
            gathered.extend_from_slice(&chunk);
            return connection.send_data(now, stream, gathered.into(), end_stream);
        }
        connection.send_data(now, stream, gathered.into(), false)?;
    }
    connection.send_data(now, stream, chunk, end_stream)
}
