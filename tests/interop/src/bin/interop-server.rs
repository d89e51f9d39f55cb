//! Serves `grpc.testing.TestService`, with the flags of grpc-go's interop server.

use farcall::{Server, ServerTls};
use farcall_interop::{
    TEST_CERTIFICATE, TEST_KEY,
    flags::{Flag, Flags, Usage},
    pb::TestServiceServer,
    server::TestServer,
};
use std::{error::Error, process::ExitCode};

static FLAGS: &[Flag] = &[
    Flag::value(
        "port",
        "10000",
        "the port to listen on; 0 takes any and prints it",
    ),
    Flag::switch(
        "use_tls",
        "use TLS, with a certificate of the gRPC test CA if none is named",
    ),
    Flag::value("tls_cert_file", "", "the certificate chain, in PEM"),
    Flag::value("tls_key_file", "", "the certificate's private key, in PEM"),
];

/// Large enough for the case `very_large_request`, which sends 10 MiB.
const MAX_MESSAGE: usize = 64 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-server: {error}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse(FLAGS, std::env::args().skip(1))?;
    let port: u16 = flags.number("port")?;
    let mut builder = Server::builder().max_receive_message_size(MAX_MESSAGE);
    if flags.is_on("use_tls") {
        builder = builder.tls(tls(&flags)?);
    }
    let server = builder.add_service(TestServiceServer::new(TestServer::new()));
    let bound = server.bind(&format!("[::]:{port}")).await?;
    println!(
        "interop-server listens on port {}",
        bound.local_addr()?.port()
    );
    bound.serve().await;
    Ok(())
}

fn tls(flags: &Flags) -> Result<ServerTls, Box<dyn Error>> {
    match (
        flags.optional("tls_cert_file"),
        flags.optional("tls_key_file"),
    ) {
        (Some(certificate), Some(key)) => Ok(ServerTls::from_pem_files(certificate, key)?),
        (None, None) => Ok(ServerTls::from_pem(TEST_CERTIFICATE, TEST_KEY)?),
        _ => Err(Usage("--tls_cert_file and --tls_key_file go together".to_owned()).into()),
    }
}
