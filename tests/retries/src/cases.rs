//! What grpc-go's server counts, against what the policy says.

use crate::{
    Error,
    peer::{Peer, Seen, id, unary},
};
use bytes::Bytes;
use farcall::Channel;
use farcall_testkit::stub_server::calls;
use std::{future::Future, time::Duration};

/// Runs them all; whether all have passed.
pub(crate) async fn run(server: &str) -> Result<bool, Error> {
    let peer = Peer::start(server).await?;
    let mut good = true;
    good &= told(
        "attempts at the server are those of the policy",
        attempts(&peer),
    )
    .await;
    good &= told("a call that succeeds is not tried again", successes(&peer)).await;
    good &= told("codes outside of the policy are final", fatal(&peer)).await;
    good &= told("no more than five attempts without leave", capped(&peer)).await;
    good &= told("pauses grow as the policy says", pauses(&peer)).await;
    good &= told("pushback is followed", pushback(&peer)).await;
    good &= told("throttling is followed", throttling(&peer)).await;
    good &= told(
        "streams are tried again before the response begins",
        early(&peer),
    )
    .await;
    good &= told("streams are not tried again after that", late(&peer)).await;
    good &= told(
        "hedged attempts start one delay after the other",
        hedged(&peer),
    )
    .await;
    good &= told(
        "hedging ends with a fatal code, and goes on after others",
        ended(&peer),
    )
    .await;
    Ok(good)
}

async fn told(what: &str, case: impl Future<Output = Result<String, Error>>) -> bool {
    match case.await {
        Ok(figures) => println!("passed  {what}: {figures}"),
        Err(error) => {
            println!("FAILED  {what}: {error}");
            return false;
        }
    }
    true
}

fn retry(attempts: u32) -> String {
    format!(
        r#"{{"methodConfig": [{{"name": [{{}}], "retryPolicy": {{
            "maxAttempts": {attempts}, "initialBackoff": "0.02s", "maxBackoff": "0.08s", "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"]
        }}}}]}}"#
    )
}

fn hedge(attempts: u32, delay: &str) -> String {
    format!(
        r#"{{"methodConfig": [{{"name": [{{}}], "hedgingPolicy": {{
            "maxAttempts": {attempts}, "hedgingDelay": "{delay}", "nonFatalStatusCodes": ["UNAVAILABLE"]
        }}}}]}}"#
    )
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), Error> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: {got:?} instead of {expected:?}").into())
}

/// How many attempts the server has seen of a unary call, and the code it ended with.
async fn count(
    peer: &Peer,
    channel: &Channel,
    script: &'static str,
) -> Result<(usize, i32), Error> {
    let id = id();
    let outcome = unary(channel, &id, script).await;
    let code = outcome.map_or_else(|status| status.code() as i32, |_| 0);
    Ok((numbered(peer.seen(&id).await?)?, code))
}

/// How many there were; each must say how many came before it.
fn numbered(seen: Seen) -> Result<usize, Error> {
    let expected: Vec<_> = (0..seen.previous.len())
        .map(|index| {
            if index == 0 {
                String::new()
            } else {
                index.to_string()
            }
        })
        .collect();
    let count = seen.previous.len();
    expect("grpc-previous-rpc-attempts", seen.previous, expected)?;
    Ok(count)
}

async fn attempts(peer: &Peer) -> Result<String, Error> {
    for policy in 2..=5 {
        let channel = peer.channel(&retry(policy))?;
        let expected = (policy as usize, 14);
        expect(
            "attempts",
            count(peer, &channel, "all+code=14").await?,
            expected,
        )?;
    }
    Ok("2, 3, 4, 5 of 2, 3, 4, 5".into())
}

async fn successes(peer: &Peer) -> Result<String, Error> {
    let channel = peer.channel(&retry(5))?;
    for (script, attempts) in [
        ("all+echo", 1),
        ("code=14,all+echo", 2),
        ("all+code=14,code=14,all+code=14,all+echo", 4),
    ] {
        expect(script, count(peer, &channel, script).await?, (attempts, 0))?;
    }
    Ok("1, 2 and 4 attempts".into())
}

async fn fatal(peer: &Peer) -> Result<String, Error> {
    let channel = peer.channel(&retry(5))?;
    for code in (1..=16).filter(|code| *code != 14) {
        let script: &'static str = format!("all+code={code}").leak();
        expect(script, count(peer, &channel, script).await?, (1, code))?;
    }
    let script = "code=14,code=13,all+echo";
    expect(script, count(peer, &channel, script).await?, (2, 13))?;
    Ok("one attempt for each of 15 codes".into())
}

async fn capped(peer: &Peer) -> Result<String, Error> {
    let channel = peer.channel(&retry(50))?;
    expect("attempts", count(peer, &channel, "code=14").await?, (5, 14))?;
    Ok("5 of 50".into())
}

async fn pauses(peer: &Peer) -> Result<String, Error> {
    let (channel, id) = (peer.channel(&retry(5))?, id());
    unary(&channel, &id, "code=14").await.ok();
    let gaps = peer.seen(&id).await?.gaps;
    let nominal = [20, 40, 80, 80].map(Duration::from_millis);
    for (gap, nominal) in gaps.iter().zip(nominal) {
        // Never earlier than the jitter allows; how much later depends on the machine.
        if *gap < nominal.mul_f64(0.79) || *gap > nominal + Duration::from_secs(2) {
            return Err(format!("{gaps:?}").into());
        }
    }
    Ok(format!("{gaps:.0?}"))
}

async fn pushback(peer: &Peer) -> Result<String, Error> {
    let (channel, id) = (peer.channel(&retry(5))?, id());
    unary(&channel, &id, "push=300+code=14,push=0+code=14,all+echo").await?;
    let gaps = peer.seen(&id).await?.gaps;
    let [long, short] = *gaps else {
        return Err(format!("{} attempts", gaps.len() + 1).into());
    };
    if long < Duration::from_millis(299) || short > Duration::from_millis(250) {
        return Err(format!("{long:?} and {short:?} instead of 300 and 0 ms").into());
    }
    for script in [
        "push=-1+code=14",
        "push=soon+code=14",
        "push=1+push=1+code=14",
    ] {
        expect(script, count(peer, &channel, script).await?, (1, 14))?;
    }
    expect(
        "pushback with another code",
        count(peer, &channel, "push=1+code=13").await?,
        (1, 13),
    )?;
    Ok(format!(
        "{long:.0?} for 300 ms, {short:.1?} for 0 ms, none for what forbids it"
    ))
}

async fn throttling(peer: &Peer) -> Result<String, Error> {
    let config = retry(4)
        .trim_end()
        .strip_suffix('}')
        .unwrap_or_default()
        .to_owned();
    let config = config + r#", "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.5}}"#;
    let channel = peer.channel(&config)?;
    let mut counts = Vec::new();
    // 10 tokens: down to 6, to 5 (not more than a half), to 4; five successes: 6.5; then 5.5 and 4.5.
    for script in ["code=14"; 3]
        .into_iter()
        .chain(["all+echo"; 5])
        .chain(["code=14"; 2])
    {
        counts.push(count(peer, &channel, script).await?.0);
    }
    expect(
        "attempts",
        counts.clone(),
        vec![4, 1, 1, 1, 1, 1, 1, 1, 2, 1],
    )?;
    Ok(format!("{counts:?}"))
}

/// A bidirectional call that sends three messages; what it has received, its code, and what the server has seen.
async fn stream(
    peer: &Peer,
    config: &str,
    script: &'static str,
) -> Result<(Vec<Bytes>, i32, usize), Error> {
    let (channel, id) = (peer.channel(config)?, id());
    let call = calls::bidi(&channel, "/retries.Any/Bidi");
    let call = call.metadata("id", id.clone()).metadata("script", script);
    let (mut requests, mut replies) = call.split();
    for text in ["a", "b", "c"] {
        requests.send(Bytes::from_static(text.as_bytes())).await?;
    }
    requests.half_close();
    let mut received = Vec::new();
    let code = loop {
        match replies.message().await {
            Ok(Some(message)) => received.push(message),
            Ok(None) => break 0,
            Err(status) => break status.code() as i32,
        }
    };
    Ok((received, code, numbered(peer.seen(&id).await?)?))
}

async fn early(peer: &Peer) -> Result<String, Error> {
    for config in [retry(5), hedge(5, "10s")] {
        for (script, attempts) in [
            ("code=14,all+echo", 2),
            ("recv+code=14,recv+recv+code=14,all+echo", 3),
            ("all+code=14,all+code=14,all+code=14,all+echo", 4),
        ] {
            let expected = (vec![Bytes::from("abc")], 0, attempts);
            expect(script, stream(peer, &config, script).await?, expected)?;
        }
    }
    Ok("2, 3 and 4 attempts, nothing lost; hedged too".into())
}

async fn late(peer: &Peer) -> Result<String, Error> {
    for config in [retry(5), hedge(5, "10s")] {
        let script = "header+code=14,all+echo";
        expect(
            script,
            stream(peer, &config, script).await?,
            (vec![], 14, 1),
        )?;
        let script = "all+echo+code=14,all+echo";
        let expected = (vec![Bytes::from("abc")], 14, 1);
        expect(script, stream(peer, &config, script).await?, expected)?;
        let script = "code=14,all+echo+code=14,all+echo";
        let expected = (vec![Bytes::from("abc")], 14, 2);
        expect(script, stream(peer, &config, script).await?, expected)?;
    }
    Ok("after headers, after a message, after a retry; hedged too".into())
}

async fn hedged(peer: &Peer) -> Result<String, Error> {
    let (channel, id) = (peer.channel(&hedge(4, "0.1s"))?, id());
    unary(&channel, &id, "all+sleep=600+echo").await?;
    let seen = peer.seen(&id).await?;
    let gaps = seen.gaps.clone();
    expect("attempts", numbered(seen)?, 4)?;
    for gap in &gaps {
        if !(Duration::from_millis(80)..Duration::from_millis(180)).contains(gap) {
            return Err(format!("{gaps:?} instead of 100 ms each").into());
        }
    }
    expect(
        "an answer in time",
        count(peer, &channel, "all+echo").await?,
        (1, 0),
    )?;
    Ok(format!("{gaps:.0?} for 100 ms each"))
}

async fn ended(peer: &Peer) -> Result<String, Error> {
    let channel = peer.channel(&hedge(4, "10s"))?;
    for (script, expected) in [
        ("code=14,code=14,all+echo", (3, 0)),
        ("code=14", (4, 14)),
        ("code=14,code=7,all+echo", (2, 7)),
        ("push=-1+code=14,all+echo", (1, 14)),
        ("push=50+code=14,all+echo", (2, 0)),
    ] {
        expect(script, count(peer, &channel, script).await?, expected)?;
    }
    Ok("3, 4, 2, 1 and 2 attempts".into())
}
