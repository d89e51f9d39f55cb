//! Service configs: any text, and JSON of the known fields with all kinds of values. What is accepted keeps the promises of
//! its types; an error says where it is, in one line.

use crate::input::Input;
use farcall_core::service_config::{MethodConfig, ServiceConfig};
use std::time::Duration;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.u8() & 1 == 0 {
        if let Ok(text) = std::str::from_utf8(input.rest()) {
            check(text);
        }
        return;
    }
    let mut text = String::new();
    value(&mut input, 0, &mut text);
    check(&text);
}

const KEYS: [&str; 32] = [
    "loadBalancingConfig",
    "loadBalancingPolicy",
    "methodConfig",
    "retryThrottling",
    "healthCheckConfig",
    "serviceName",
    "name",
    "service",
    "method",
    "waitForReady",
    "timeout",
    "maxRequestMessageBytes",
    "maxResponseMessageBytes",
    "retryPolicy",
    "hedgingPolicy",
    "maxAttempts",
    "initialBackoff",
    "maxBackoff",
    "backoffMultiplier",
    "retryableStatusCodes",
    "nonFatalStatusCodes",
    "hedgingDelay",
    "maxTokens",
    "tokenRatio",
    "round_robin",
    "pick_first",
    "shuffleAddressList",
    "x\\ny",
    "",
    "perAttemptRecvTimeout",
    "S",
    "M",
];
const SCALARS: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "2",
    "5",
    "1000",
    "1001",
    "-1",
    "0.1",
    "1.6",
    "1e400",
    "1e-7",
    "4294967296",
    "18446744073709551616",
    "\"1s\"",
    "\"0.1s\"",
    "\"-1.5s\"",
    "\"315576000001s\"",
    "\"UNAVAILABLE\"",
    "\"S\"",
    "\"M\"",
    "\"round_robin\"",
];

/// Appends some JSON.
pub(super) fn value(input: &mut Input<'_>, depth: usize, text: &mut String) {
    let choice = input.u8();
    if depth == 0 || depth < 6 && choice < 96 {
        return object(input, depth, text);
    }
    if depth < 6 && choice < 160 {
        text.push('[');
        for at in 0..input.u8() % 4 {
            text.push_str(if at > 0 { "," } else { "" });
            value(input, depth + 1, text);
        }
        return text.push(']');
    }
    text.push_str(SCALARS[usize::from(choice) % SCALARS.len()]);
}

fn object(input: &mut Input<'_>, depth: usize, text: &mut String) {
    text.push('{');
    for at in 0..input.u8() % 8 {
        text.push_str(if at > 0 { ",\"" } else { "\"" });
        text.push_str(KEYS[usize::from(input.u8()) % KEYS.len()]);
        text.push_str("\":");
        value(input, depth + 1, text);
    }
    text.push('}');
}

fn check(text: &str) {
    let config = match ServiceConfig::parse(text) {
        Ok(config) => config,
        Err(error) => {
            // It may come from DNS and goes into logs.
            assert!(
                !error.to_string().chars().any(char::is_control),
                "{error:?}"
            );
            return;
        }
    };
    assert_eq!(ServiceConfig::parse(text).as_ref(), Ok(&config));
    for path in ["/S/M", "/S/x", "/x/y", "/x", "", "//"] {
        if let Some(config) = config.method(path) {
            method(config);
        }
    }
    for choice in config.load_balancing() {
        let _ = (choice.config.to_string(), choice.config.path());
    }
    if let Some(throttling) = config.retry_throttling() {
        assert!((1..=1_000_000).contains(&throttling.max_millitokens));
        assert!(throttling.millitoken_ratio >= 1);
    }
}

fn method(config: &MethodConfig) {
    assert!(config.retry_policy.is_none() || config.hedging_policy.is_none());
    let longest = Duration::from_secs(315_576_000_000);
    assert!(config.timeout.is_none_or(|timeout| timeout <= longest));
    if let Some(retry) = config.retry_policy {
        assert!(retry.max_attempts >= 2 && !retry.retryable_codes.is_empty());
        assert!(!retry.initial_backoff.is_zero() && !retry.max_backoff.is_zero());
        assert!(retry.backoff_multiplier.is_finite() && retry.backoff_multiplier > 0.0);
    }
    if let Some(hedging) = config.hedging_policy {
        assert!(hedging.max_attempts >= 2 && hedging.hedging_delay <= longest);
    }
}
