//! A proxy for tests: HTTP CONNECT and SOCKS 5, with or without a password, over TCP or TLS. Whatever name or address it is asked
//! for, it connects to the backend that the test has given it, and writes down what it was asked.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// What the proxy has heard of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) destination: String,
    /// `user:password`, or for HTTP the value of `Proxy-Authorization`.
    pub(crate) credentials: Option<String>,
    /// The first byte that went through the tunnel.
    pub(crate) first: Option<u8>,
}

/// A running proxy.
pub(crate) struct ProxyServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl ProxyServer {
    /// Each connection goes to the next backend, round and round.
    pub(crate) async fn start(backends: &[SocketAddr], tls: bool) -> ProxyServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (book, mut backends) = (Arc::clone(&asked), VecDeque::from(backends.to_vec()));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                backends.rotate_left(1);
                let (book, backend) = (Arc::clone(&book), backends[backends.len() - 1]);
                tokio::spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        false => Box::new(stream),
                        true => match acceptor().accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    serve(stream, backend, &book).await.ok();
                });
            }
        });
        ProxyServer {
            address,
            asked,
            task,
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The destinations that were asked for.
    pub(crate) fn destinations(&self) -> Vec<String> {
        self.asked()
            .into_iter()
            .map(|asked| asked.destination)
            .collect()
    }
}

fn acceptor() -> TlsAcceptor {
    let pem = include_bytes!("../../../../crates/net/src/tls/testdata/server.pem");
    let key = include_bytes!("../../../../crates/net/src/tls/testdata/server.key");
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let builder = ServerConfig::builder_with_provider(ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config).into()
}

async fn serve(
    mut stream: Box<dyn Stream>,
    backend: SocketAddr,
    book: &Mutex<Vec<Asked>>,
) -> io::Result<()> {
    let mut first = [0; 1];
    stream.read_exact(&mut first).await?;
    let mut asked = match first[0] {
        5 => socks(&mut stream).await?,
        _ => http(&mut stream, first[0]).await?,
    };
    let mut onward = TcpStream::connect(backend).await?;
    // The client speaks first, in TLS as in HTTP/2.
    stream.read_exact(&mut first).await?;
    asked.first = Some(first[0]);
    book.lock().unwrap().push(asked);
    onward.set_nodelay(true)?;
    onward.write_all(&first).await?;
    copy_bidirectional(&mut stream, &mut onward).await.map(drop)
}

async fn http(stream: &mut Box<dyn Stream>, first: u8) -> io::Result<Asked> {
    let mut head = vec![first];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let request: Vec<_> = lines.next().unwrap().split(' ').collect();
    assert_eq!((request[0], request[2]), ("CONNECT", "HTTP/1.1"));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    assert_eq!(header("Host:").as_deref(), Some(request[1]));
    assert!(
        header("User-Agent:")
            .unwrap()
            .starts_with("grpc-rust-farcall/")
    );
    stream
        .write_all(b"HTTP/1.1 200 Connection established\r\nContent-Length: 3\r\n\r\n")
        .await?;
    stream.flush().await?;
    Ok(Asked {
        destination: request[1].to_owned(),
        credentials: header("Proxy-Authorization:"),
        first: None,
    })
}

async fn socks(stream: &mut Box<dyn Stream>) -> io::Result<Asked> {
    let mut asked = Asked::default();
    let count = stream.read_u8().await?;
    let mut methods = vec![0; count.into()];
    stream.read_exact(&mut methods).await?;
    if methods.contains(&2) {
        stream.write_all(&[5, 2]).await?;
        stream.read_u8().await?;
        let (user, password) = (word(stream).await?, word(stream).await?);
        asked.credentials = Some(format!("{user}:{password}"));
        stream.write_all(&[1, 0]).await?;
    } else {
        stream.write_all(&[5, 0]).await?;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => word(stream).await?,
        kind => panic!("address type {kind}"),
    };
    asked.destination = format!("{host}:{}", stream.read_u16().await?);
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(asked)
}

async fn word(stream: &mut Box<dyn Stream>) -> io::Result<String> {
    let length = stream.read_u8().await?;
    let mut word = vec![0; length.into()];
    stream.read_exact(&mut word).await?;
    Ok(String::from_utf8(word).unwrap())
}
