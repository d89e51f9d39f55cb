//! The choice among service configs that a TXT record has for different clients (gRFC A2).

use super::service_config::value;
use crate::input::Input;
use farcall_core::service_config::{Canary, ServiceConfig};

const LANGUAGES: [&str; 5] = ["[]", "null", "[\"rust\"]", "[\"go\", \"RUST\"]", "[\"go\"]"];
const HOSTS: [&str; 5] = [
    "[]",
    "null",
    "[\"here\"]",
    "[\"there\", \"here\"]",
    "[\"HERE\"]",
];

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let percentile = input.u8() % 100;
    let client = Canary {
        hostname: "here",
        percentile,
    };
    match input.u8() % 3 {
        0 => drop(choose(client, &String::from_utf8_lossy(input.rest()))),
        1 => {
            let mut text = String::new();
            value(&mut input, 0, &mut text);
            drop(choose(client, &format!("[{text}]")));
        }
        _ => good(client, &mut input),
    }
}

fn choose(client: Canary<'_>, text: &str) -> Option<ServiceConfig> {
    match client.choose(text) {
        Ok(config) => config,
        Err(error) => {
            // It comes from DNS and goes into logs.
            assert!(
                !error.to_string().chars().any(char::is_control),
                "{error:?}"
            );
            None
        }
    }
}

/// Choices that are well formed: the first whose criteria all fit is the one, by a second reading of the rules.
fn good(client: Canary<'_>, input: &mut Input<'_>) {
    let (mut list, mut expected) = (Vec::new(), None);
    for number in 0..input.u8() % 6 {
        let (language, host) = (input.u8() % 6, input.u8() % 6);
        let percentage = input.u8();
        let mut fields = Vec::new();
        let mut fits = true;
        if let Some(text) = LANGUAGES.get(usize::from(language)) {
            fields.push(format!("\"clientLanguage\": {text}"));
            fits &= language < 4;
        }
        if let Some(text) = HOSTS.get(usize::from(host)) {
            fields.push(format!("\"clientHostname\": {text}"));
            fits &= host < 4;
        }
        if percentage <= 100 {
            fields.push(format!("\"percentage\": {percentage}"));
            fits &= client.percentile < percentage;
        }
        let config = format!("{{\"loadBalancingPolicy\": \"p{number}\"}}");
        fields.push(format!("\"serviceConfig\": {config}"));
        list.push(format!("{{{}}}", fields.join(", ")));
        if fits && expected.is_none() {
            expected = Some(format!("p{number}"));
        }
    }
    let config = client.choose(&format!("[{}]", list.join(", ")));
    let config = config.unwrap_or_else(|error| panic!("{error}: {list:?}"));
    let chosen = config
        .as_ref()
        .and_then(ServiceConfig::load_balancing_policy);
    assert_eq!(chosen, expected.as_deref(), "{list:?}");
}
