//! `dns:` with a name server: addresses, the service config, news.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{Channel, ChannelBuilder, Code};
use farcall_testkit::{
    name_server::NameServer,
    stub_server::{RunningStub, StubServer, calls},
};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

const WHO: &str = "/t.T/Who";
const FLEET: &str = "fleet.test";
const CONFIG: &str = "_grpc_config.fleet.test";
const ROUND_ROBIN: &str = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;

fn ip(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

/// Backends with one port at 127.0.0.1, 127.0.0.2 …, each of which says the last number of its address.
async fn fleet<const N: usize>() -> (u16, [RunningStub; N]) {
    let answer =
        |last: u8| StubServer::unary(WHO, move |_| async move { Ok(Bytes::from(vec![last])) });
    let mut port = 0;
    let mut stubs = Vec::new();
    for last in 1..=N as u8 {
        let stub = answer(last).start_at((ip(last), port).into()).await;
        port = stub.address().port();
        stubs.push(stub);
    }
    (port, stubs.try_into().unwrap())
}

fn channel(names: &NameServer, port: u16) -> ChannelBuilder {
    Channel::builder(format!("dns://{}/{FLEET}:{port}", names.address())).insecure()
}

async fn who(channel: &Channel) -> u8 {
    calls::unary(channel, WHO, Bytes::new()).await.unwrap()[0]
}

/// Calls until exactly these have answered, many times in a row.
async fn until(channel: &Channel, expected: &[u8]) {
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    let all = async {
        loop {
            let mut seen = BTreeSet::new();
            for _ in 0..4 * expected.len() {
                seen.insert(who(channel).await);
            }
            if seen == expected {
                return;
            }
        }
    };
    within(PATIENCE, "the right backends", all).await;
}

#[tokio::test]
async fn all_addresses_of_the_name_server_are_backends_and_its_text_is_the_service_config() {
    let (port, _stubs) = fleet::<3>().await;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [1, 2, 3].map(ip));
    names.set_text(
        CONFIG,
        &format!(r#"grpc_config=[{{"serviceConfig": {ROUND_ROBIN}}}]"#),
    );
    let channel = channel(&names, port).build().unwrap();
    until(&channel, &[1, 2, 3]).await;
}

#[tokio::test]
async fn the_choice_for_this_language_is_taken() {
    let (port, _stubs) = fleet::<2>().await;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [1, 2].map(ip));
    let choices = format!(
        r#"grpc_config=[{{"clientLanguage": ["go"], "serviceConfig": {{}}}},
            {{"clientLanguage": ["rust"], "serviceConfig": {ROUND_ROBIN}}}]"#
    );
    names.set_text(CONFIG, &choices);
    until(&channel(&names, port).build().unwrap(), &[1, 2]).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_for_a_datagram_comes_over_tcp() {
    let (port, _stubs) = fleet::<2>().await;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [1, 2].map(ip));
    let long = " ".repeat(3000);
    names.set_text(
        CONFIG,
        &format!(r#"grpc_config=[{long}{{"serviceConfig": {ROUND_ROBIN}}}]"#),
    );
    until(&channel(&names, port).build().unwrap(), &[1, 2]).await;
    assert_eq!(names.questions_over_tcp(), 1);
}

#[tokio::test]
async fn a_broken_text_fails_calls_and_a_channel_that_ignores_it_does_not_ask() {
    let (port, _stubs) = fleet::<1>().await;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [ip(1)]);
    names.set_text(
        CONFIG,
        r#"grpc_config=[{"serviceConfig": {"methodConfig": 1}}]"#,
    );
    let status = calls::unary(&channel(&names, port).build().unwrap(), WHO, Bytes::new()).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status
            .to_string()
            .contains("[0].serviceConfig.methodConfig"),
        "{status}"
    );
    let asked = names.questions();
    let deaf = channel(&names, port)
        .ignore_resolver_service_config()
        .build()
        .unwrap();
    assert_eq!(who(&deaf).await, 1);
    assert_eq!(names.questions() - asked, 2, "A and AAAA");
}

#[tokio::test]
async fn a_name_that_does_not_exist_fails_calls_and_says_so() {
    let names = NameServer::start().await;
    let channel = channel(&names, 1).build().unwrap();
    let status = calls::unary(&channel, WHO, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status
            .to_string()
            .contains("/fleet.test:1 cannot be resolved: UNAVAILABLE: the name has no addresses"),
        "{status}"
    );
}

#[tokio::test]
async fn a_lost_backend_makes_the_channel_ask_again_and_a_new_one_is_found() {
    let (port, stubs) = fleet::<3>().await;
    let [first, _second, _third] = stubs;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [ip(1), ip(2)]);
    let short = Duration::from_millis(50);
    let channel = channel(&names, port).min_resolution_interval(short);
    let channel = channel.default_service_config(ROUND_ROBIN).build().unwrap();
    until(&channel, &[1, 2]).await;
    names.set_addresses(FLEET, [ip(2), ip(3)]);
    drop(first);
    let calls = async {
        loop {
            // The loss may reach a call before it reaches the channel.
            match calls::unary(&channel, WHO, Bytes::new()).await {
                Ok(reply) if reply[0] == 3 => return,
                Ok(_) => {}
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
        }
    };
    within(PATIENCE, "the new backend", calls).await;
    until(&channel, &[2, 3]).await;
}

#[tokio::test]
async fn an_answer_that_is_out_of_date_is_asked_for_again_without_any_loss() {
    let (port, _stubs) = fleet::<2>().await;
    let names = NameServer::start().await;
    names.set_ttl(Duration::ZERO);
    names.set_addresses(FLEET, [ip(1)]);
    let short = Duration::from_millis(50);
    let channel = channel(&names, port).min_resolution_interval(short);
    let channel = channel.default_service_config(ROUND_ROBIN).build().unwrap();
    assert_eq!(who(&channel).await, 1);
    names.set_addresses(FLEET, [ip(1), ip(2)]);
    until(&channel, &[1, 2]).await;
}

#[tokio::test]
async fn a_name_server_that_is_silent_for_a_while_is_asked_again() {
    let (port, _stubs) = fleet::<1>().await;
    let names = NameServer::start().await;
    names.set_addresses(FLEET, [ip(1)]);
    names.set_silent(true);
    let channel = channel(&names, port).build().unwrap();
    let call = calls::unary(&channel, WHO, Bytes::new()).wait_for_ready();
    let call = tokio::spawn(call.into_future());
    while names.questions() < 3 {
        tokio::task::yield_now().await;
    }
    names.set_silent(false);
    let reply = within(2 * PATIENCE, "an answer", call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reply[0], 1);
}
