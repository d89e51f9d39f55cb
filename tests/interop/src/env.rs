//! What a case runs in: where the server is, and what every call carries.

use crate::{TEST_CA, failure::Failure, flags::Flags, pb::TestServiceClient};
use farcall::{
    Channel, ClientTls, Codec, Request,
    client::{BidiCall, ClientStreamingCall},
};
use std::time::Duration;

/// The server under test, and a channel to it.
#[derive(Debug)]
pub struct Env {
    server: ServerAddress,
    channel: Channel,
    additional_metadata: Vec<(String, String)>,
    /// What the soak cases do.
    pub soak: Soak,
    /// How long `long_lived_channel` waits between its calls.
    pub long_lived_interval: Duration,
    /// Whether `server_compressed_*` look at the compressed flag of the responses.
    pub check_compressed: bool,
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// With TLS: the CA's certificates in PEM; `None` trusts what the system trusts.
    pub tls: Option<Option<String>>,
    /// The name that the server's certificate must have, and its authority, if not `host`.
    pub name: Option<String>,
    /// The channel's target, in place of `host` and `port`.
    pub target: Option<String>,
    /// The service config of the channel, as JSON; the resolver's is ignored then, as grpc-go's client does.
    pub service_config: Option<String>,
    /// Bytes of messages that a call keeps for retries; `None`: the channel's default.
    pub max_retry_buffer: Option<usize>,
}

/// How often, how fast and how well the soak cases call; defaults as in grpc-go.
#[derive(Clone, Debug)]
pub struct Soak {
    /// Calls in all.
    pub iterations: u32,
    /// Tasks that share them.
    pub threads: u32,
    /// So many calls may fail or be slow.
    pub max_failures: u32,
    /// A slower call counts as a failure.
    pub max_latency: Duration,
    /// All calls must be over by then.
    pub overall_timeout: Duration,
    /// Least time between the starts of two calls of one task.
    pub min_time_between_calls: Duration,
    /// Bytes of payload in a request.
    pub request_size: usize,
    /// Bytes of payload in a response.
    pub response_size: usize,
}

impl Default for Soak {
    fn default() -> Soak {
        Soak {
            iterations: 10,
            threads: 1,
            max_failures: 0,
            max_latency: Duration::from_secs(1),
            overall_timeout: Duration::from_secs(10),
            min_time_between_calls: Duration::ZERO,
            request_size: 271_828,
            response_size: 314_159,
        }
    }
}

impl Env {
    /// An environment without additional metadata.
    ///
    /// # Errors
    /// If the address makes no channel.
    pub fn new(server: ServerAddress) -> Result<Env, Failure> {
        Ok(Env {
            channel: server.connect()?,
            server,
            additional_metadata: Vec::new(),
            soak: Soak::default(),
            long_lived_interval: Duration::ZERO,
            check_compressed: true,
        })
    }

    /// What the command line of `interop-client` asks for.
    ///
    /// # Errors
    /// If a flag has a value that makes no sense.
    pub fn from_flags(flags: &Flags) -> Result<Env, Box<dyn std::error::Error>> {
        let millis = |name| flags.number(name).map(Duration::from_millis);
        let mut env = Env::new(ServerAddress::from_flags(flags)?)?;
        env.additional_metadata = additional_metadata(flags.text("additional_metadata"))?;
        env.check_compressed = !flags.is_on("unchecked_compression");
        env.long_lived_interval = millis("long_lived_channel_interval_ms")?;
        env.soak = Soak {
            iterations: flags.number("soak_iterations")?,
            threads: flags.number("soak_num_threads")?,
            max_failures: flags.number("soak_max_failures")?,
            max_latency: millis("soak_per_iteration_max_acceptable_latency_ms")?,
            overall_timeout: flags
                .number("soak_overall_timeout_seconds")
                .map(Duration::from_secs)?,
            min_time_between_calls: millis("soak_min_time_ms_between_rpcs")?,
            request_size: flags.number("soak_request_size")?,
            response_size: flags.number("soak_response_size")?,
        };
        Ok(env)
    }

    /// The channel that all calls of a case share.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A client on the shared channel.
    pub fn client(&self) -> TestServiceClient {
        TestServiceClient::new(self.channel())
    }

    /// How to reach the server, for channels of their own.
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// A request with what `--additional_metadata` says, for calls with one request.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (key, value) in &self.additional_metadata {
            request.metadata_mut().append(key, value.as_str());
        }
        request
    }
}

/// What `--additional_metadata` says, for calls with a stream of requests.
pub(crate) trait WithMetadata: Sized {
    /// Adds it to the call.
    fn metadata_of(self, env: &Env) -> Self;
}

macro_rules! with_metadata {
    ($($call:ident),*) => {$(
        impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> WithMetadata for $call<Req, Res, C> {
            fn metadata_of(self, env: &Env) -> Self {
                env.additional_metadata.iter().fold(self, |call, (key, value)| call.metadata(key, value.as_str()))
            }
        }
    )*};
}

with_metadata!(ClientStreamingCall, BidiCall);

impl ServerAddress {
    fn from_flags(flags: &Flags) -> Result<ServerAddress, Box<dyn std::error::Error>> {
        let ca = match flags.optional("ca_file") {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| format!("--ca_file {path}: {error}"))?,
            ),
            None => flags.is_on("use_test_ca").then(|| TEST_CA.to_owned()),
        };
        Ok(ServerAddress {
            host: flags.text("server_host").to_owned(),
            port: flags.number("server_port")?,
            tls: flags.is_on("use_tls").then_some(ca),
            name: flags.optional("server_host_override").map(str::to_owned),
            target: flags.optional("target").map(str::to_owned),
            service_config: flags.optional("service_config_json").map(str::to_owned),
            max_retry_buffer: match flags.optional("max_retry_buffer_size") {
                Some(_) => Some(flags.number("max_retry_buffer_size")?),
                None => None,
            },
        })
    }

    /// A new channel; nothing is connected yet.
    ///
    /// # Errors
    /// If the address makes none.
    pub fn connect(&self) -> Result<Channel, Failure> {
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let target = || format!("dns:///{host}:{}", self.port);
        let mut builder = Channel::builder(self.target.clone().unwrap_or_else(target));
        if let Some(config) = &self.service_config {
            builder = builder
                .default_service_config(config)
                .ignore_resolver_service_config();
        }
        if let Some(bytes) = self.max_retry_buffer {
            builder = builder.max_retry_buffer_size(bytes);
        }
        let channel = match &self.tls {
            None => builder.insecure(),
            Some(ca) => {
                let tls = match ca {
                    Some(ca) => ClientTls::ca_pem(ca)?,
                    None => ClientTls::system_roots(),
                };
                builder.tls(match &self.name {
                    Some(name) => tls.server_name(name)?,
                    None => tls,
                })
            }
        };
        Ok(channel.build()?)
    }
}

/// `key:value;key:value`, as grpc-go reads it.
fn additional_metadata(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |item: &str| match item.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_ascii_lowercase(), value.to_owned())),
        _ => Err(format!(
            "--additional_metadata: {item:?} is not of the form key:value"
        )),
    };
    text.split(';')
        .filter(|item| !item.is_empty())
        .map(pair)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additional_metadata_is_a_list_of_pairs() {
        assert_eq!(additional_metadata(""), Ok(vec![]));
        let pairs =
            [("a", "b:c"), ("x-bin", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(additional_metadata("A:b:c;x-bin:"), Ok(pairs.to_vec()));
        assert!(additional_metadata("a").is_err());
        assert!(additional_metadata(":b").is_err());
    }
}
