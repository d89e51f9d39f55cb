//! The load client of `peers/README.md` on Farcall, with one flag more: `--poll-us N`.

use anyhow::{Context, Result};
use bytes::Bytes;
use farcall::{Channel, ClientTls};
use farcall_bench::{body_len, pb::BenchmarkServiceClient, polling, request};
use load::{Meter, certificate};
use std::{net::SocketAddr, time::Instant};

#[derive(Clone)]
struct Client(BenchmarkServiceClient);

impl load::Client for Client {
    async fn connect(addr: SocketAddr) -> Result<Self> {
        let builder = Channel::builder(format!("dns:///{addr}")).poll_before_sleeping(polling());
        let channel = match load::tls() {
            true => builder
                .tls(ClientTls::ca_pem(certificate::CA)?.server_name("localhost")?)
                .build()?,
            false => builder.insecure().build()?,
        };
        channel.connect().await?;
        Ok(Client(BenchmarkServiceClient::new(channel)))
    }

    async fn unary(&mut self, req: Bytes, resp_size: usize) -> Result<usize> {
        let response = self.0.unary_call(request(req, resp_size)).await?;
        Ok(body_len(response.into_inner()))
    }

    async fn ping_pong(&mut self, req: Bytes, resp_size: usize, meter: Meter) -> Result<()> {
        let (mut requests, mut responses) = self.0.streaming_call().split();
        loop {
            let start = Instant::now();
            requests.send(request(req.clone(), resp_size)).await?;
            let response = responses.message().await?.context("end of stream")?;
            if !meter.done(start, body_len(response))? {
                requests.half_close();
                return Ok(());
            }
        }
    }

    async fn server_stream(&mut self, resp_size: usize, meter: Meter) -> Result<()> {
        let mut responses = self
            .0
            .streaming_from_server(request(Bytes::new(), resp_size))
            .await?;
        loop {
            let start = Instant::now();
            let response = responses.message().await?.context("end of stream")?;
            if !meter.done(start, body_len(response))? {
                return Ok(());
            }
        }
    }
}

fn main() -> Result<()> {
    load::run::<Client>()
}
