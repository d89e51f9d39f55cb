//! A name server whose records the test controls, over UDP and TCP on a port of 127.0.0.1.
//!
//! ```
//! use farcall_testkit::name_server::NameServer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let names = NameServer::start().await;
//! names.set_addresses("fleet.test", ["127.0.0.1".parse().unwrap()]);
//! let target = format!("dns://{}/fleet.test:50051", names.address());
//! assert_eq!(names.questions(), 0);
//! # drop(target); }
//! ```

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

/// The octets of a question without its name: header, type and class.
const HEADER: usize = 12;
/// Answers over UDP that are longer are truncated (RFC 1035 §4.2.1).
const MAX_UDP: usize = 512;
const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;

/// See the [module](self). Dropping it stops it.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Records {
    data: HashMap<(String, u16), Vec<Vec<u8>>>,
    ttl: Duration,
    silent: bool,
    questions: usize,
    over_tcp: usize,
}

impl NameServer {
    /// Starts without any records.
    ///
    /// # Panics
    /// There is no port that is free for both UDP and TCP.
    pub async fn start() -> NameServer {
        let (listener, socket) = bind().await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let records = Arc::new(Mutex::new(Records {
            data: HashMap::new(),
            ttl: Duration::from_secs(3600),
            silent: false,
            questions: 0,
            over_tcp: 0,
        }));
        let tasks = [
            tokio::spawn(serve_udp(socket, Arc::clone(&records))),
            tokio::spawn(serve_tcp(listener, Arc::clone(&records))),
        ];
        NameServer {
            address,
            records,
            tasks,
        }
    }

    /// Where it answers: the authority of a `dns:` target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the addresses of a name, of both families.
    pub fn set_addresses(&self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(ip) => v4.push(ip.octets().to_vec()),
                IpAddr::V6(ip) => v6.push(ip.octets().to_vec()),
            }
        }
        let mut records = lock(&self.records);
        records.data.insert((name.to_owned(), A), v4);
        records.data.insert((name.to_owned(), AAAA), v6);
    }

    /// Replaces the text of a name; it is cut into strings of 255 octets.
    pub fn set_text(&self, name: &str, text: &str) {
        let strings = text.as_bytes().chunks(255);
        let data = strings
            .flat_map(|s| [&[s.len() as u8], s].concat())
            .collect();
        let key = (name.to_owned(), TXT);
        lock(&self.records).data.insert(key, vec![data]);
    }

    /// For how long the answers hold. Default an hour.
    pub fn set_ttl(&self, ttl: Duration) {
        lock(&self.records).ttl = ttl;
    }

    /// Whether questions stay without an answer. Default not.
    pub fn set_silent(&self, silent: bool) {
        lock(&self.records).silent = silent;
    }

    /// How many questions there were.
    pub fn questions(&self) -> usize {
        lock(&self.records).questions
    }

    /// How many of them came over TCP.
    pub fn questions_over_tcp(&self) -> usize {
        lock(&self.records).over_tcp
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn bind() -> io::Result<(TcpListener, UdpSocket)> {
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        if let Ok(socket) = UdpSocket::bind(listener.local_addr()?).await {
            return Ok((listener, socket));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

async fn serve_udp(socket: UdpSocket, records: Arc<Mutex<Records>>) {
    let mut buffer = [0; MAX_UDP];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let answer = answer(&mut lock(&records), &buffer[..length]);
        if let Some(mut answer) = answer {
            if answer.len() > MAX_UDP {
                // The question alone, and the mark that it was cut.
                answer.truncate(length);
                answer[2] |= 2;
                answer[7] = 0;
            }
            socket.send_to(&answer, peer).await.ok();
        }
    }
}

async fn serve_tcp(listener: TcpListener, records: Arc<Mutex<Records>>) {
    while let Ok((stream, _)) = listener.accept().await {
        exchange(stream, &records).await.ok();
    }
}

async fn exchange(mut stream: TcpStream, records: &Mutex<Records>) -> io::Result<()> {
    let mut question = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut question).await?;
    let answer = {
        let mut records = lock(records);
        records.over_tcp += 1;
        answer(&mut records, &question)
    };
    let answer = answer.ok_or(io::ErrorKind::InvalidData)?;
    stream.write_u16(answer.len() as u16).await?;
    stream.write_all(&answer).await
}

/// `None`: no answer. A name without records does not exist.
fn answer(records: &mut Records, question: &[u8]) -> Option<Vec<u8>> {
    records.questions += 1;
    let (name, end) = name(question)?;
    let kind = u16::from_be_bytes([*question.get(end)?, *question.get(end + 1)?]);
    if records.silent {
        return None;
    }
    let known = records.data.keys().any(|(known, _)| *known == name);
    let found = records.data.get(&(name, kind));
    let found = found.map_or(&[][..], |found| &found[..]);
    let mut out = question.to_vec();
    (out[2], out[3]) = (0x81, if known { 0x80 } else { 0x83 });
    out[7] = found.len() as u8;
    for data in found {
        out.extend([0xc0, HEADER as u8]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        out.extend((records.ttl.as_secs() as u32).to_be_bytes());
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        match usize::from(*question.get(at)?) {
            0 => return Some((labels.join("."), at + 1)),
            length => {
                let label = question.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                at += 1 + length;
            }
        }
    }
}
