//! The service of `peers/README.md` on Farcall, with two flags more: `--per-core N` and `--poll-us N`.

use farcall::{Server, ServerTls};
use farcall_bench::{Service, pb::BenchmarkServiceServer, polling, shards};
use load::certificate;

fn main() -> anyhow::Result<()> {
    load::serve(|addr| async move {
        let mut builder = Server::builder().poll_before_sleeping(polling());
        if let Some(shards) = shards() {
            builder = builder.shards(shards);
        }
        if load::tls() {
            builder = builder.tls(ServerTls::from_pem(
                certificate::SERVER,
                certificate::SERVER_KEY,
            )?);
        }
        builder
            .add_service(BenchmarkServiceServer::new(Service::endless()))
            .serve(&addr.to_string())
            .await?;
        Ok(())
    })
}
