//! Questions to name servers, over UDP and, for long answers, over TCP (RFC 1035 §4.2, RFC 7766).

use farcall_lb::dns::{Answer, AnswerError, RecordType, ResolvConf, query};
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// The largest datagram that there is.
const MAX_DATAGRAM: usize = 65_535;

/// The first answer that has records, for the names that `conf` makes of `name`; an empty one if no name has any.
///
/// # Errors
/// No server has given an answer that can be used.
pub(super) async fn ask(conf: &ResolvConf, name: &str, record: RecordType) -> io::Result<Answer> {
    let mut last = None;
    for name in conf.names(name) {
        let answer = ask_servers(conf, &name, record).await?;
        if answer.ttl().is_some() {
            return Ok(answer);
        }
        last = Some(answer);
    }
    last.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

async fn ask_servers(conf: &ResolvConf, name: &str, record: RecordType) -> io::Result<Answer> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "there is no name server");
    for _ in 0..conf.attempts {
        for server in &conf.servers {
            // Number and port are new for each question: answers are hard to forge (RFC 5452 §9).
            let Some(question) = query(fastrand::u16(..), name, record) else {
                let text = format!("\"{}\" is no domain name", name.escape_debug());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            };
            match timeout(conf.timeout, ask_server(*server, &question)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = named(*server, &error),
                Err(_) => {
                    let error = io::Error::new(io::ErrorKind::TimedOut, "no answer");
                    last = named(*server, &error);
                }
            }
        }
    }
    Err(last)
}

fn named(server: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("name server {server}: {error}"))
}

async fn ask_server(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match Answer::parse(question, &buffer[..length]) {
            // Somebody else's, or late: the right one may still come.
            Err(AnswerError::Unrelated) => {}
            Err(AnswerError::Truncated) => return ask_over_tcp(server, question).await,
            outcome => return outcome.map_err(invalid),
        }
    }
}

async fn ask_over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), question].concat();
    stream.write_all(&framed).await?;
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    Answer::parse(question, &message).map_err(invalid)
}

fn invalid(error: AnswerError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
