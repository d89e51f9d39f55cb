//! Envoy's configuration.

use serde_json::{Value, json};
use std::net::SocketAddr;

/// What differs between cases.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// Envoy's gRPC health checker asks the backends five times a second; those that do not serve get no calls.
    pub(crate) health_checks: bool,
    /// Connections, from clients and to backends, end in good order after so many calls.
    pub(crate) calls_per_connection: Option<u32>,
}

const TYPES: &str = "type.googleapis.com/envoy";

/// A listener on a free port that sends everything to `backends`, and the administration on another free port.
pub(crate) fn config(backends: &[SocketAddr], options: Options) -> Value {
    let local = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    json!({
        "admin": {"address": local},
        "static_resources": {
            "listeners": [{"name": "front", "address": local, "filter_chains": [{"filters": [connections(options)]}]}],
            "clusters": [cluster(backends, options)],
        },
    })
}

fn connections(options: Options) -> Value {
    let filter = |name: &str| {
        let kind = format!("{TYPES}.extensions.filters.http.{name}");
        json!({"name": name, "typed_config": {"@type": kind}})
    };
    let mut manager = json!({
        "@type": format!("{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "front",
        "codec_type": "AUTO",
        // Between GOAWAY and the end of a drained connection.
        "drain_timeout": "1s",
        "http_filters": [filter("grpc_web.v3.GrpcWeb"), filter("router.v3.Router")],
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {
                "cluster": "backends",
                // gRPC's deadlines instead of Envoy's 15 s.
                "timeout": "0s",
                "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            }}],
        }]},
    });
    if let Some(calls) = options.calls_per_connection {
        manager["common_http_protocol_options"] = json!({"max_requests_per_connection": calls});
    }
    json!({"name": "http", "typed_config": manager})
}

fn cluster(backends: &[SocketAddr], options: Options) -> Value {
    let endpoints: Vec<Value> = backends
        .iter()
        .map(|at| {
            let address = json!({"address": at.ip().to_string(), "port_value": at.port()});
            json!({"endpoint": {"address": {"socket_address": address}}})
        })
        .collect();
    let mut protocol = json!({
        "@type": format!("{TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"),
        "explicit_http_config": {"http2_protocol_options": {}},
    });
    if let Some(calls) = options.calls_per_connection {
        protocol["common_http_protocol_options"] = json!({"max_requests_per_connection": calls});
    }
    let mut cluster = json!({
        "name": "backends",
        "type": "STATIC",
        "connect_timeout": "5s",
        // Otherwise all backends get calls when few are healthy.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "load_assignment": {"cluster_name": "backends", "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
    });
    if options.health_checks {
        cluster["health_checks"] = json!([{
            "timeout": "2s",
            "interval": "0.2s",
            "no_traffic_interval": "0.2s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            "grpc_health_check": {"service_name": "hello.Greeter"},
        }]);
    }
    cluster
}
