mod hedging;

use super::*;
use crate::{
    random::XorShift,
    service_config::ServiceConfig,
    status::{Code, Status},
};
use bytes::Bytes;
use farcall_http2::{Field, Headers, KnownName};
use std::{sync::Arc, time::Duration};

const MIDDLE: f64 = 0.5;

fn config(policy: &str, throttling: &str) -> ServiceConfig {
    let text = format!(r#"{{"methodConfig": [{{"name": [{{}}], {policy}}}] {throttling}}}"#);
    ServiceConfig::parse(&text).unwrap()
}

fn plan_of(policy: &str, throttling: &str) -> RetryPlan {
    let config = config(policy, throttling);
    RetryPlan {
        repeat: Repeat::new(config.method("/a.B/C").unwrap(), DEFAULT_MAX_ATTEMPTS),
        throttle: config
            .retry_throttling()
            .map(|throttling| Arc::new(Throttle::new(throttling))),
        memory: Arc::new(ReplayMemory::new(1000)),
        call_buffer: 400,
        attempt_timeout: None,
    }
}

fn policy(attempts: u32) -> String {
    format!(
        r#""retryPolicy": {{
            "maxAttempts": {attempts}, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 3,
            "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"]
        }}"#
    )
}

fn plan(attempts: u32) -> Arc<RetryPlan> {
    Arc::new(plan_of(&policy(attempts), ""))
}

fn throttled(tokens: u32, ratio: f64) -> Arc<RetryPlan> {
    let text = format!(r#", "retryThrottling": {{"maxTokens": {tokens}, "tokenRatio": {ratio}}}"#);
    Arc::new(plan_of(&policy(5), &text))
}

fn call(plan: &Arc<RetryPlan>) -> RetryState {
    RetryState::new(Arc::clone(plan), RetryOptions::default())
}

fn down() -> Ended {
    Status::unavailable("down").into()
}

fn pushed(pushback: Pushback) -> Ended {
    Ended { pushback, ..down() }
}

fn millis(pause: Option<Duration>) -> Option<u128> {
    pause.map(|pause| pause.as_millis())
}

#[test]
fn pauses_grow_by_the_multiplier_up_to_the_maximum() {
    let mut call = call(&plan(5));
    let pauses: Vec<_> = (0..5)
        .map(|_| millis(call.on_failure(down(), MIDDLE)))
        .collect();
    assert_eq!(
        pauses,
        [Some(100), Some(300), Some(900), Some(1000), None],
        "the fifth attempt is the last one"
    );
    assert_eq!(call.previous_attempts(), 4);
}

#[test]
fn pauses_are_spread_over_20_percent_to_both_sides() {
    let mut random = XorShift::new(5);
    let (mut least, mut most) = (f64::MAX, 0.0f64);
    for _ in 0..2000 {
        let pause = call(&plan(2)).on_failure(down(), random.next_f64());
        let seconds = pause.unwrap().as_secs_f64();
        (least, most) = (least.min(seconds), most.max(seconds));
    }
    assert!((0.08..0.081).contains(&least), "{least}");
    assert!((0.119..0.12).contains(&most), "{most}");
}

#[test]
fn only_the_codes_of_the_policy_are_retried() {
    for code in Code::ALL {
        let mut call = call(&plan(5));
        let retried = call
            .on_failure(Status::new(code, "").into(), MIDDLE)
            .is_some();
        assert_eq!(
            retried,
            matches!(code, Code::Unavailable | Code::Aborted),
            "{code:?}"
        );
        assert_eq!(call.is_repeatable(), retried, "anything else is the end");
    }
}

#[test]
fn an_attempt_that_ran_out_of_its_time_is_retried_whatever_the_codes_are() {
    let late = || Ended {
        timed_out: true,
        ..Status::deadline_exceeded("").into()
    };
    assert!(call(&plan(2)).on_failure(late(), MIDDLE).is_some());
    let none = Arc::new(plan_of(r#""timeout": "1s""#, ""));
    assert!(
        call(&none).on_failure(late(), MIDDLE).is_none(),
        "there is no policy"
    );
}

#[test]
fn the_cap_counts_against_a_larger_number_of_attempts() {
    let config = config(&policy(100), "");
    let repeat = |cap| Repeat::new(config.method("/a.B/C").unwrap(), cap);
    assert_eq!(repeat(DEFAULT_MAX_ATTEMPTS).max_attempts(), 5);
    assert_eq!(repeat(7).max_attempts(), 7);
    assert_eq!(repeat(1000).max_attempts(), 100);
}

#[test]
fn nothing_follows_once_the_response_has_begun() {
    let mut call = call(&plan(5));
    call.commit();
    assert!(!call.is_repeatable());
    assert_eq!(call.on_failure(down(), MIDDLE), None);
}

#[test]
fn a_request_that_outgrows_the_buffer_of_the_call_commits_it() {
    let plan = plan(5);
    let mut call = call(&plan);
    assert!(call.keep(400));
    assert!(!call.keep(401));
    assert!(!call.is_repeatable());
    assert_eq!(plan.memory.used(), 0, "what was kept is forgotten");
    assert_eq!(call.on_failure(down(), MIDDLE), None);
}

#[test]
fn the_callers_own_buffer_counts_instead_of_the_channels() {
    let options = RetryOptions {
        buffer: Some(10),
        ..RetryOptions::default()
    };
    let mut call = RetryState::new(plan(5), options);
    assert!(call.keep(10) && !call.keep(11));
}

#[test]
fn calls_that_do_not_fit_into_the_memory_of_the_channel_are_committed_and_others_go_on() {
    let plan = plan(5);
    let mut calls: Vec<_> = (0..3).map(|_| call(&plan)).collect();
    let kept: Vec<_> = calls.iter_mut().map(|call| call.keep(400)).collect();
    assert_eq!(kept, [true, true, false]);
    assert_eq!(plan.memory.used(), 800);
    calls.remove(0);
    assert_eq!(
        plan.memory.used(),
        400,
        "a call that is gone gives back what it had"
    );
    assert!(!calls[1].keep(1), "once is for ever");
    assert!(call(&plan).keep(400));
}

#[test]
fn a_request_that_is_sent_again_counts_once() {
    let plan = plan(5);
    let mut call = call(&plan);
    for _ in 0..3 {
        for sent in [100, 250, 300] {
            assert!(call.keep(sent));
        }
        call.on_failure(down(), MIDDLE);
    }
    assert_eq!(plan.memory.used(), 300);
    drop(call);
    assert_eq!(plan.memory.used(), 0);
}

#[test]
fn a_pushback_is_obeyed_to_the_millisecond_and_the_backoff_begins_anew_after_it() {
    let mut call = call(&plan(5));
    let mut pause = |ended| millis(call.on_failure(ended, 0.99));
    pause(down());
    pause(down());
    assert_eq!(
        pause(pushed(Pushback::After(Duration::from_millis(7)))),
        Some(7)
    );
    assert_eq!(pause(down()), Some(119), "the first pause again");
}

#[test]
fn a_pushback_buys_no_attempt_beyond_the_maximum_and_none_for_other_codes() {
    let soon = Pushback::After(Duration::ZERO);
    let mut one = call(&plan(2));
    assert!(one.on_failure(pushed(soon), MIDDLE).is_some());
    assert!(one.on_failure(pushed(soon), MIDDLE).is_none());
    let other = Ended {
        pushback: soon,
        ..Status::internal("").into()
    };
    assert!(call(&plan(5)).on_failure(other, MIDDLE).is_none());
}

#[test]
fn a_server_can_forbid_retries() {
    let mut call = call(&plan(5));
    assert_eq!(call.on_failure(pushed(Pushback::Never), MIDDLE), None);
}

#[test]
fn pushbacks_that_are_no_plain_number_forbid_retries() {
    let of = |values: &[&'static str]| {
        let field = |value: &&'static str| {
            Field::new(
                KnownName::GrpcRetryPushbackMs,
                Bytes::from_static(value.as_bytes()),
            )
        };
        Pushback::of(&Headers {
            fields: values.iter().map(field).collect(),
            ..Headers::default()
        })
    };
    assert_eq!(of(&[]), Pushback::None);
    for (value, millis) in [("0", 0), ("20", 20), ("2147483647", 2_147_483_647)] {
        assert_eq!(of(&[value]), Pushback::After(Duration::from_millis(millis)));
    }
    for garbage in [
        "-1",
        "",
        "soon",
        "1.5",
        "+3",
        " 3",
        "2147483648",
        "-99999999999",
    ] {
        assert_eq!(of(&[garbage]), Pushback::Never, "{garbage:?}");
    }
    assert_eq!(
        of(&["1", "1"]),
        Pushback::Never,
        "nobody knows which one counts"
    );
}

#[test]
fn failures_take_a_token_and_successes_put_a_part_of_one_back() {
    let plan = throttled(10, 0.1);
    let throttle = plan.throttle.as_ref().unwrap();
    let fail = || call(&plan).on_failure(down(), MIDDLE).is_some();
    let retried: Vec<_> = (0..6).map(|_| fail()).collect();
    assert_eq!(
        retried,
        [true, true, true, true, false, false],
        "9, 8, 7, 6, 5, 4"
    );
    for _ in 0..10 {
        assert!(!throttle.allows(), "5 or less");
        call(&plan).on_end(Code::Ok, Pushback::None);
    }
    assert!(!throttle.allows(), "exactly 5");
    call(&plan).on_end(Code::Ok, Pushback::None);
    assert!(throttle.allows(), "5.1");
}

#[test]
fn the_bucket_neither_overflows_nor_becomes_less_than_empty() {
    let plan = throttled(4, 3.0);
    let throttle = plan.throttle.as_ref().unwrap();
    throttle.on_success();
    assert!(
        throttle.on_failure() && !throttle.on_failure(),
        "3, 2: it was full"
    );
    for _ in 0..100 {
        throttle.on_failure();
    }
    throttle.on_success();
    assert!(throttle.allows(), "3 of 4: it was empty");
}

#[test]
fn only_failures_that_a_retry_may_mend_and_refusals_of_retries_count() {
    let takes = |code, pushback| {
        let plan = throttled(3, 0.001);
        let ended = Ended {
            pushback,
            ..Status::new(code, "").into()
        };
        call(&plan).on_failure(ended.clone(), MIDDLE);
        call(&plan).on_failure(ended, MIDDLE);
        !plan.throttle.as_ref().unwrap().allows()
    };
    assert!(takes(Code::Unavailable, Pushback::None));
    assert!(!takes(Code::InvalidArgument, Pushback::None));
    assert!(takes(Code::InvalidArgument, Pushback::Never));
}

#[test]
fn each_attempt_counts_once() {
    let plan = throttled(100, 1.0);
    let throttle = plan.throttle.as_ref().unwrap();
    let tokens = || {
        format!("{throttle:?}")
            .split("tokens: ")
            .last()
            .unwrap()
            .to_owned()
    };
    let mut one = call(&plan);
    for _ in 0..5 {
        one.on_failure(down(), MIDDLE);
    }
    one.on_end(Code::Unavailable, Pushback::None);
    assert_eq!(tokens(), "95000 }");
    let mut two = call(&plan);
    two.on_failure(down(), MIDDLE);
    two.on_end(Code::Ok, Pushback::None);
    assert_eq!(tokens(), "95000 }");
    let mut three = call(&plan);
    three.commit();
    three.on_end(Code::Unavailable, Pushback::None);
    assert_eq!(tokens(), "94000 }", "also when the response had begun");
}

#[test]
fn a_new_config_keeps_the_part_to_which_the_bucket_is_filled() {
    let throttling = |max: u32| {
        let text = format!(r#", "retryThrottling": {{"maxTokens": {max}, "tokenRatio": 1}}"#);
        config(r#""timeout": "1s""#, &text)
            .retry_throttling()
            .unwrap()
    };
    let old = Throttle::new(throttling(10));
    assert!((0..3).all(|_| old.on_failure()), "7 of 10");
    let new = old.adjusted(throttling(1000));
    let more = (0..).take_while(|_| new.on_failure()).count();
    assert_eq!(more, 199, "from 700 to 501");
}

#[test]
fn what_the_attempts_ended_with_stays_known() {
    let mut call = call(&plan(3));
    for text in ["first", "second", "third"] {
        call.on_failure(Status::unavailable(text).into(), MIDDLE);
    }
    let messages: Vec<_> = call.previous().iter().map(Status::message).collect();
    assert_eq!(messages, ["first", "second"]);
    let status = Status::unavailable("third").with_previous_attempts(call.previous().to_vec());
    assert_eq!(status.attempts(), 3);
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: third (attempt 3; 1: UNAVAILABLE: first; 2: UNAVAILABLE: second)"
    );
}
