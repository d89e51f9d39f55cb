//! What a scripted peer wants to hear. A broken expectation panics and shows all frames that came.

use super::{
    ScriptedPeer,
    frame::{Frame, HeaderList},
};
use bytes::{Bytes, BytesMut};
use farcall_http2::Reason;
use std::{fmt::Display, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::timeout,
};

/// A whole response, or request, of one stream.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The first header list.
    pub head: HeaderList,
    /// All DATA.
    pub body: Bytes,
    /// The second header list; that of a response without body stands in `head`.
    pub trailers: Option<HeaderList>,
}

impl Exchange {
    /// The trailers, or the head of a response that has nothing else.
    pub fn last(&self) -> &HeaderList {
        self.trailers.as_ref().unwrap_or(&self.head)
    }
}

/// `expect_…` pass over SETTINGS, PING and WINDOW_UPDATE (PINGs and SETTINGS are acknowledged), take
/// one frame and panic if it is another one, or if it does not come in time.
impl<IO: AsyncRead + AsyncWrite + Unpin> ScriptedPeer<IO> {
    /// The next frame of any kind; `None` when the connection has ended, in order or not.
    ///
    /// # Panics
    /// Nothing comes in time.
    pub async fn next_frame(&mut self) -> Option<Frame> {
        let limit = self.patience;
        match timeout(limit, self.read_frame()).await {
            Ok(frame) => frame,
            Err(_) => self.fail("nothing came in time"),
        }
    }

    async fn read_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.reader.next_frame() {
                self.seen.push(format!("{frame:?}"));
                self.acknowledge(&frame).await;
                return Some(frame);
            }
            match self.io.read_buf(self.reader.input()).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn acknowledge(&mut self, frame: &Frame) {
        match frame {
            Frame::Settings(_) if self.polite => self.settings_ack().await,
            Frame::Ping {
                payload,
                ack: false,
            } if self.polite => self.ping(*payload, true).await,
            _ => {}
        }
    }

    /// The next frame that is not SETTINGS, PING or WINDOW_UPDATE.
    ///
    /// # Panics
    /// The connection ends, or nothing comes in time.
    pub async fn next_content(&mut self) -> Frame {
        loop {
            match self.next_frame().await {
                Some(frame) if frame.is_upkeep() => {}
                Some(frame) => return frame,
                None => self.fail("the connection ended"),
            }
        }
    }

    /// HEADERS on `stream`: the list, and whether it ends the stream.
    pub async fn expect_headers(&mut self, stream: u32) -> (HeaderList, bool) {
        match self.next_content().await {
            Frame::Headers {
                stream: id,
                list,
                end_stream,
            } if id == stream => (list, end_stream),
            other => self.fail(format_args!(
                "HEADERS on stream {stream} expected, not {other:?}"
            )),
        }
    }

    /// DATA on `stream`: the payload, and whether it ends the stream.
    pub async fn expect_data(&mut self, stream: u32) -> (Bytes, bool) {
        match self.next_content().await {
            Frame::Data {
                stream: id,
                data,
                end_stream,
            } if id == stream => (data, end_stream),
            other => self.fail(format_args!(
                "DATA on stream {stream} expected, not {other:?}"
            )),
        }
    }

    /// RST_STREAM on `stream`: its code.
    pub async fn expect_rst(&mut self, stream: u32) -> Reason {
        match self.next_content().await {
            Frame::Rst { stream: id, reason } if id == stream => reason,
            other => self.fail(format_args!(
                "RST_STREAM on stream {stream} expected, not {other:?}"
            )),
        }
    }

    /// GOAWAY: last stream, code, text.
    pub async fn expect_goaway(&mut self) -> (u32, Reason, String) {
        match self.next_content().await {
            Frame::GoAway {
                last,
                reason,
                debug,
            } => (last, reason, String::from_utf8_lossy(&debug).into_owned()),
            other => self.fail(format_args!("GOAWAY expected, not {other:?}")),
        }
    }

    /// Everything on `stream` up to END_STREAM; frames of other streams and GOAWAY are passed over, window is given back.
    ///
    /// # Panics
    /// The stream is reset, the connection ends, or nothing comes in time.
    pub async fn expect_exchange(&mut self, stream: u32) -> Exchange {
        let (mut head, mut body, mut trailers) = (None, BytesMut::new(), None);
        loop {
            let end = match self.next_content().await {
                Frame::Headers {
                    stream: id,
                    list,
                    end_stream,
                } if id == stream => {
                    if head.is_none() {
                        head = Some(list)
                    } else {
                        trailers = Some(list)
                    }
                    end_stream
                }
                Frame::Data {
                    stream: id,
                    data,
                    end_stream,
                } if id == stream => {
                    if !data.is_empty() {
                        self.window_update(0, data.len() as u32).await;
                        self.window_update(stream, data.len() as u32).await;
                    }
                    body.extend_from_slice(&data);
                    end_stream
                }
                other if other.stream() == stream => self.fail(format_args!(
                    "stream {stream} was not to end with {other:?}"
                )),
                _ => false,
            };
            if end {
                let Some(head) = head else {
                    self.fail("DATA came before HEADERS")
                };
                return Exchange {
                    head,
                    body: body.freeze(),
                    trailers,
                };
            }
        }
    }

    /// The connection ends; frames that come before that are returned.
    pub async fn expect_end(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next_frame().await {
            frames.push(frame);
        }
        frames
    }

    /// For `duration` nothing comes but SETTINGS, PING and WINDOW_UPDATE.
    pub async fn expect_silence(&mut self, duration: Duration) {
        match timeout(duration, self.next_content()).await {
            Err(_) => {}
            Ok(frame) => self.fail(format_args!("silence expected, not {frame:?}")),
        }
    }

    fn fail(&self, what: impl Display) -> ! {
        panic!("{what}; the frames so far:\n  {}", self.seen.join("\n  "))
    }
}
