//! Runs one interop case against a server, with the flags of grpc-go's interop client.

use farcall_interop::{
    cases,
    env::Env,
    flags::{Flag, Flags},
};
use std::process::ExitCode;

static FLAGS: &[Flag] = &[
    Flag::value("server_host", "localhost", "the server's name or address"),
    Flag::value("server_port", "10000", "the server's port"),
    Flag::value(
        "server_host_override",
        "",
        "the name that the server's certificate must have",
    ),
    Flag::switch("use_tls", "use TLS"),
    Flag::switch(
        "use_test_ca",
        "trust the gRPC test CA instead of the system's",
    ),
    Flag::value("ca_file", "", "trust these certificates, in PEM"),
    Flag::value(
        "test_case",
        "large_unary",
        "what to run; `list` prints the names",
    ),
    Flag::value(
        "additional_metadata",
        "",
        "metadata for every call, as key:value;key:value",
    ),
    Flag::value(
        "service_config_json",
        "",
        "the service config of the channel, as JSON",
    ),
    Flag::value(
        "max_retry_buffer_size",
        "",
        "bytes of messages that a call keeps for retries [262144]",
    ),
    Flag::value(
        "target",
        "",
        "the channel's target, in place of host and port: such as ipv4:127.0.0.1:1,127.0.0.1:2",
    ),
    Flag::switch(
        "unchecked_compression",
        "server_compressed_*: do not look whether responses are compressed",
    ),
    Flag::value(
        "long_lived_channel_interval_ms",
        "1000",
        "long_lived_channel: the time between its 20 calls",
    ),
    Flag::value("soak_iterations", "10", "soak: calls in all"),
    Flag::value(
        "soak_num_threads",
        "1",
        "soak: tasks that share the calls evenly",
    ),
    Flag::value(
        "soak_max_failures",
        "0",
        "soak: so many calls may fail or be too slow",
    ),
    Flag::value(
        "soak_per_iteration_max_acceptable_latency_ms",
        "1000",
        "soak: a slower call is a failure",
    ),
    Flag::value(
        "soak_overall_timeout_seconds",
        "10",
        "soak: all calls must be over by then",
    ),
    Flag::value(
        "soak_min_time_ms_between_rpcs",
        "0",
        "soak: least time between two calls of one task",
    ),
    Flag::value(
        "soak_request_size",
        "271828",
        "soak: bytes of payload in a request",
    ),
    Flag::value(
        "soak_response_size",
        "314159",
        "soak: bytes of payload in a response",
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    let flags = match Flags::parse(FLAGS, std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(usage) => return usage_error(&usage.to_string()),
    };
    let case = flags.text("test_case");
    if case == "list" {
        println!("{}", cases::NAMES.join("\n"));
        return ExitCode::SUCCESS;
    }
    let env = match Env::from_flags(&flags) {
        Ok(env) => env,
        Err(error) => return usage_error(&error.to_string()),
    };
    match cases::run(case, &env).await {
        Some(Ok(())) => {
            println!("{case}: passed");
            ExitCode::SUCCESS
        }
        Some(Err(failure)) => {
            eprintln!("{case}: FAILED: {failure}");
            ExitCode::FAILURE
        }
        None => usage_error(&format!(
            "unknown --test_case {case:?}; known are: {}",
            cases::NAMES.join(", ")
        )),
    }
}

fn usage_error(text: &str) -> ExitCode {
    eprintln!("interop-client: {text}");
    ExitCode::from(2)
}
