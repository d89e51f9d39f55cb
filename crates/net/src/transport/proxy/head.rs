//! The head of an HTTP/1.1 response, read without a byte of what follows it.

use super::broken;
use crate::{proxy::Problem, transport::io::Io};
use tokio::io::AsyncReadExt;

/// Bytes of all heads that a proxy may answer with.
pub(super) const LIMIT: usize = 16 << 10;
/// Bytes of a status line that are told to anybody.
const TOLD: usize = 200;
const END: &[u8] = b"\r\n\r\n";

/// The status of a response, and its status line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) line: String,
}

/// Reads one head; `left` of the limit is used up by it.
pub(super) async fn read(io: &mut Io, left: &mut usize) -> Result<Head, Problem> {
    let mut head = Vec::new();
    while !head.ends_with(END) {
        let more = waiting(io, &head).await.map_err(broken)?;
        if more > *left {
            return Err(Problem::TooLarge(LIMIT));
        }
        *left -= more;
        let from = head.len();
        head.resize(from + more, 0);
        io.read_exact(&mut head[from..]).await.map_err(broken)?;
        // Not HTTP: no end is to be waited for.
        if head.len() >= 5 && !head.starts_with(b"HTTP/") {
            return Err(malformed(&head));
        }
    }
    parse(&head)
}

/// How many bytes can be read that certainly belong to the head; at least one.
async fn waiting(io: &mut Io, head: &[u8]) -> std::io::Result<usize> {
    let Io::Tcp(socket) = io else {
        // Others have read ahead themselves: single bytes cost no system call.
        return Ok(1);
    };
    let mut ahead = [0; 1024];
    let count = socket.peek(&mut ahead).await?;
    if count == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let tail = &head[head.len().saturating_sub(END.len() - 1)..];
    let seen = [tail, &ahead[..count]].concat();
    let end = seen.windows(END.len()).position(|four| four == END);
    Ok(end.map_or(count, |at| at + END.len() - tail.len()))
}

fn parse(head: &[u8]) -> Result<Head, Problem> {
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    // RFC 9112 §4: version, status, and a reason that may be missing.
    let mut words = line.splitn(3, |b| *b == b' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().unwrap_or_default();
    let status = match status {
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => std::str::from_utf8(status).ok(),
        _ => None,
    };
    let status = status.and_then(|status| status.parse().ok());
    match (version, status) {
        (b"HTTP/1.0" | b"HTTP/1.1", Some(status)) => Ok(Head {
            status,
            line: told(line),
        }),
        _ => Err(malformed(head)),
    }
}

fn malformed(head: &[u8]) -> Problem {
    let line = head.split(|b| matches!(b, b'\r' | b'\n')).next();
    Problem::Malformed("HTTP", told(line.unwrap_or_default()))
}

fn told(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(TOLD)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read_with_and_without_a_reason() {
        let read = |text: &str| {
            parse(text.as_bytes())
                .map(|head| (head.status, head.line))
                .ok()
        };
        let ok = |status, line: &str| Some((status, line.to_owned()));
        assert_eq!(
            read("HTTP/1.1 200 Connection established\r\n\r\n"),
            ok(200, "HTTP/1.1 200 Connection established")
        );
        assert_eq!(read("HTTP/1.0 200\r\n\r\n"), ok(200, "HTTP/1.0 200"));
        for bad in [
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 20 x\r\n\r\n",
            "HTTP/1.1 2000\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn long_lines_are_told_in_part() {
        let line = format!("HTTP/1.1 500 {}\r\n\r\n", "x".repeat(5000));
        assert_eq!(parse(line.as_bytes()).unwrap().line.len(), TOLD);
    }
}
