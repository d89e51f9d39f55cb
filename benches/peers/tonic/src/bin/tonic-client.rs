use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::stream;
use load::Meter;
use peer_tonic::{body_len, pb::benchmark_service_client::BenchmarkServiceClient, request};
use tokio::sync::mpsc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

#[derive(Clone)]
struct Client(BenchmarkServiceClient<Channel>);

impl load::Client for Client {
    async fn connect(addr: SocketAddr) -> Result<Self> {
        let mut endpoint = Endpoint::new(format!("http://{addr}"))?.tcp_nodelay(true);
        if load::tls() {
            let tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(load::certificate::CA))
                .domain_name("localhost");
            endpoint = Endpoint::new(format!("https://{addr}"))?
                .tcp_nodelay(true)
                .tls_config(tls)?;
        }
        Ok(Client(BenchmarkServiceClient::new(
            endpoint.connect().await?,
        )))
    }

    async fn unary(&mut self, req: Bytes, resp_size: usize) -> Result<usize> {
        let resp = self.0.unary_call(request(req, resp_size)).await?;
        Ok(body_len(resp.into_inner()))
    }

    async fn ping_pong(&mut self, req: Bytes, resp_size: usize, meter: Meter) -> Result<()> {
        let (tx, rx) = mpsc::channel(1);
        let requests = stream::unfold(rx, async |mut rx| Some((rx.recv().await?, rx)));
        let mut start = Instant::now();
        tx.send(request(req.clone(), resp_size)).await?;
        let mut responses = self.0.streaming_call(requests).await?.into_inner();
        loop {
            let resp = responses.message().await?.context("end of stream")?;
            if !meter.done(start, body_len(resp))? {
                return Ok(());
            }
            start = Instant::now();
            tx.send(request(req.clone(), resp_size)).await?;
        }
    }

    async fn server_stream(&mut self, resp_size: usize, meter: Meter) -> Result<()> {
        let req = request(Bytes::new(), resp_size);
        let mut responses = self.0.streaming_from_server(req).await?.into_inner();
        loop {
            let start = Instant::now();
            let resp = responses.message().await?.context("end of stream")?;
            if !meter.done(start, body_len(resp))? {
                return Ok(());
            }
        }
    }
}

fn main() -> Result<()> {
    load::run::<Client>()
}
