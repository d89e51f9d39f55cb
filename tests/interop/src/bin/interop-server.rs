//! Serves `grpc.testing.TestService`, with the flags of grpc-go's interop server.

use farcall::{Server, ServerTls};
use farcall_interop::{
    TEST_CERTIFICATE, TEST_KEY,
    flags::{Flag, Flags},
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
    let flags = match Flags::parse(FLAGS, std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(usage) => {
            eprintln!("interop-server: {usage}");
            return ExitCode::from(2);
        }
    };
    match serve(&flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: &Flags) -> Result<(), Box<dyn Error>> {
    let port: u16 = flags.number("port")?;
    let mut builder = Server::builder().max_receive_message_size(MAX_MESSAGE);
    if flags.is_on("use_tls") {
        builder = builder.tls(
            match (
                flags.optional("tls_cert_file"),
                flags.optional("tls_key_file"),
            ) {
                (Some(certificate), Some(key)) => ServerTls::from_pem_files(certificate, key)?,
                (None, None) => ServerTls::from_pem(TEST_CERTIFICATE, TEST_KEY)?,
                _ => return Err("--tls_cert_file and --tls_key_file go together".into()),
            },
        );
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
