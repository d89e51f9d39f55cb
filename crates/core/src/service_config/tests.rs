use super::*;
use crate::status::Code;
use std::time::Duration;

fn accepted(text: &str) -> ServiceConfig {
    ServiceConfig::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> (String, String) {
    let error = ServiceConfig::parse(text).expect_err(text);
    (error.path().to_owned(), error.problem().to_owned())
}

/// The config of a method `/foo/Bar` with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"methodConfig": [{{"name": [{{"service": "foo", "method": "Bar"}}], {field}}}]}}"#)
}

fn method(field: &str) -> MethodConfig {
    MethodConfig::clone(accepted(&with(field)).method("/foo/Bar").unwrap())
}

fn retry(changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("maxAttempts", "4"),
        ("initialBackoff", "\"0.1s\""),
        ("maxBackoff", "\"1s\""),
        ("backoffMultiplier", "2"),
        ("retryableStatusCodes", "[\"UNAVAILABLE\", 10]"),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields.retain(|(_, value)| !value.is_empty());
    let fields: Vec<_> = fields.iter().map(|(n, v)| format!("{n:?}: {v}")).collect();
    with(&format!(r#""retryPolicy": {{{}}}"#, fields.join(", ")))
}

#[test]
fn fields_of_a_method_are_read() {
    assert_eq!(method(r#""waitForReady": true"#).wait_for_ready, Some(true));
    assert_eq!(
        method(r#""waitForReady": false"#).wait_for_ready,
        Some(false)
    );
    assert_eq!(
        method(r#""timeout": "1s""#).timeout,
        Some(Duration::from_secs(1))
    );
    assert_eq!(method(r#""timeout": "-1s""#).timeout, Some(Duration::ZERO));
    let sizes = method(r#""maxRequestMessageBytes": 1024, "maxResponseMessageBytes": 2048"#);
    assert_eq!(sizes.max_request_message_bytes, Some(1024));
    assert_eq!(sizes.max_response_message_bytes, Some(2048));
    assert_eq!(
        method(r#""timeout": null, "retryPolicy": null"#),
        MethodConfig::default()
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_path() {
    let table = [
        (r#""waitForReady": "yes""#, "waitForReady"),
        (r#""timeout": "3c""#, "timeout"),
        (r#""timeout": 3"#, "timeout"),
        (
            r#""maxRequestMessageBytes": "1024""#,
            "maxRequestMessageBytes",
        ),
        (
            r#""maxResponseMessageBytes": 1.5"#,
            "maxResponseMessageBytes",
        ),
        (
            r#""maxResponseMessageBytes": -1"#,
            "maxResponseMessageBytes",
        ),
        (r#""retryPolicy": []"#, "retryPolicy"),
        (r#""hedgingPolicy": 1"#, "hedgingPolicy"),
    ];
    for (field, path) in table {
        assert_eq!(refused(&with(field)).0, format!("methodConfig[0].{path}"));
    }
    assert_eq!(
        refused(r#"{"loadBalancingPolicy": 1}"#).0,
        "loadBalancingPolicy"
    );
    assert_eq!(refused(r#"{"methodConfig": {}}"#).0, "methodConfig");
    assert_eq!(refused(r#"{"methodConfig": [3]}"#).0, "methodConfig[0]");
    assert_eq!(
        refused(r#"{"healthCheckConfig": {"serviceName": 1}}"#).0,
        "healthCheckConfig.serviceName"
    );
    assert_eq!(refused("[]").1, "must be an object, not a list");
}

#[test]
fn a_text_that_is_not_json_is_refused_with_line_and_column() {
    for text in ["", "{", r#"{"timeout": fall}"#, "{} {}"] {
        let (path, problem) = refused(text);
        assert_eq!(path, "");
        assert!(
            problem.starts_with("not JSON: ") && problem.contains("line 1 column"),
            "{problem}"
        );
    }
}

#[test]
fn unknown_fields_are_ignored_and_an_empty_config_is_valid() {
    let text = r#"{"UnknownField": "value", "methodConfig": [{"name": [{"x": 1}], "y": {}}]}"#;
    assert!(accepted(text).method("/any/Thing").is_some());
    assert_eq!(accepted("{}"), ServiceConfig::default());
}

#[test]
fn a_method_finds_its_own_config_then_its_services_then_the_default() {
    let config = accepted(
        r#"{"methodConfig": [
            {"name": [{"service": "a.S", "method": "M"}, {"service": "b.S", "method": "M"}], "timeout": "1s"},
            {"name": [{"service": "a.S"}], "timeout": "2s"},
            {"name": [{"service": ""}], "timeout": "3s"}
        ]}"#,
    );
    let seconds = |path| config.method(path).unwrap().timeout.unwrap().as_secs();
    assert_eq!(seconds("/a.S/M"), 1);
    assert_eq!(seconds("/b.S/M"), 1);
    assert_eq!(seconds("/a.S/N"), 2);
    assert_eq!(seconds("/b.S/N"), 3);
    assert_eq!(seconds("/c/d/e"), 3);
    let config = accepted(r#"{"methodConfig": [{"name": [{"service": "a.S"}]}]}"#);
    assert!(config.method("/a.S2/M").is_none() && config.method("/a/S").is_none());
}

#[test]
fn names_must_be_unique_and_a_method_needs_its_service() {
    let twice = r#"{"methodConfig": [
        {"name": [{"service": "foo", "method": "Bar"}]},
        {"name": [{"service": "foo"}, {"service": "foo", "method": "Bar"}]}
    ]}"#;
    assert_eq!(refused(twice).0, "methodConfig[1].name[1]");
    let two_defaults = r#"{"methodConfig": [{"name": [{}, {"service": ""}]}]}"#;
    assert_eq!(refused(two_defaults).0, "methodConfig[0].name[1]");
    let orphan = r#"{"methodConfig": [{"name": [{"method": "Bar"}]}]}"#;
    assert_eq!(refused(orphan).0, "methodConfig[0].name[0]");
}

#[test]
fn a_method_config_without_names_applies_to_nothing() {
    let config =
        accepted(r#"{"methodConfig": [{"timeout": "1s"}, {"name": [], "timeout": "1s"}]}"#);
    assert!(config.method("/a/B").is_none());
}

#[test]
fn a_retry_policy_is_read() {
    let config = accepted(&retry(&[]));
    let policy = config.method("/foo/Bar").unwrap().retry_policy.unwrap();
    assert_eq!(policy.max_attempts, 4);
    assert_eq!(policy.initial_backoff, Duration::from_millis(100));
    assert_eq!(policy.max_backoff, Duration::from_secs(1));
    assert_eq!(policy.backoff_multiplier, 2.0);
    let codes = [Code::Unavailable, Code::Aborted].into_iter().collect();
    assert_eq!(policy.retryable_codes, codes);
}

#[test]
fn names_of_codes_count_in_any_case() {
    let all = r#"["unavailable", "Deadline_Exceeded", "ABORTED", 4]"#;
    let codes: CodeSet = [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted]
        .into_iter()
        .collect();
    let config = accepted(&retry(&[("retryableStatusCodes", all)]));
    let policy = config.method("/foo/Bar").unwrap().retry_policy.unwrap();
    assert_eq!(policy.retryable_codes, codes);
    let hedging = format!(r#""hedgingPolicy": {{"maxAttempts": 2, "nonFatalStatusCodes": {all}}}"#);
    let config = accepted(&with(&hedging));
    let policy = config.method("/foo/Bar").unwrap().hedging_policy.unwrap();
    assert_eq!(policy.non_fatal_codes, codes);
}

#[test]
fn a_retry_policy_that_breaks_a_rule_is_refused_with_its_path() {
    let table = [
        ("maxAttempts", "1"),
        ("maxAttempts", "0"),
        ("maxAttempts", "-1"),
        ("maxAttempts", "2.5"),
        ("initialBackoff", "\"0s\""),
        ("initialBackoff", "\"-1s\""),
        ("maxBackoff", "\"0.0s\""),
        ("backoffMultiplier", "0"),
        ("backoffMultiplier", "-1"),
        ("backoffMultiplier", "\"2\""),
        ("retryableStatusCodes", "[]"),
        ("retryableStatusCodes", "\"UNAVAILABLE\""),
    ];
    for (field, value) in table {
        let path = refused(&retry(&[(field, value)])).0;
        assert_eq!(
            path,
            format!("methodConfig[0].retryPolicy.{field}"),
            "{value}"
        );
        let (path, problem) = refused(&retry(&[(field, "")]));
        assert_eq!(path, "methodConfig[0].retryPolicy");
        assert!(problem.contains(field), "{problem}");
    }
    for code in ["\"NO_SUCH_CODE\"", "17", "\"CANCELED\"", "true"] {
        let path = refused(&retry(&[(
            "retryableStatusCodes",
            &format!("[14, {code}]"),
        )]))
        .0;
        assert_eq!(path, "methodConfig[0].retryPolicy.retryableStatusCodes[1]");
    }
}

#[test]
fn a_hedging_policy_is_read_and_excludes_a_retry_policy() {
    let hedging = |fields: &str| with(&format!(r#""hedgingPolicy": {{{fields}}}"#));
    let policy = |fields: &str| {
        let config = accepted(&hedging(fields));
        config.method("/foo/Bar").unwrap().hedging_policy.unwrap()
    };
    let plain = policy(r#""maxAttempts": 3"#);
    assert_eq!(
        (plain.max_attempts, plain.hedging_delay),
        (3, Duration::ZERO)
    );
    assert!(plain.non_fatal_codes.is_empty());
    let full =
        policy(r#""maxAttempts": 2, "hedgingDelay": "0.5s", "nonFatalStatusCodes": ["INTERNAL"]"#);
    assert_eq!(full.hedging_delay, Duration::from_millis(500));
    assert!(full.non_fatal_codes.contains(Code::Internal));
    assert_eq!(
        refused(&hedging(r#""maxAttempts": 1"#)).0,
        "methodConfig[0].hedgingPolicy.maxAttempts"
    );
    let both = retry(&[]).replace(
        r#""retryPolicy""#,
        r#""hedgingPolicy": {"maxAttempts": 2}, "retryPolicy""#,
    );
    assert_eq!(refused(&both).0, "methodConfig[0].hedgingPolicy");
}

#[test]
fn throttling_counts_in_thousandths_within_its_limits() {
    let throttling = |tokens: &str, ratio: &str| {
        format!(r#"{{"retryThrottling": {{"maxTokens": {tokens}, "tokenRatio": {ratio}}}}}"#)
    };
    let read = accepted(&throttling("10", "0.1239"))
        .retry_throttling()
        .unwrap();
    assert_eq!((read.max_millitokens, read.millitoken_ratio), (10_000, 123));
    accepted(&throttling("1000", "5"));
    for tokens in ["0", "-1", "1000.5", "1001", "\"10\""] {
        assert_eq!(
            refused(&throttling(tokens, "1")).0,
            "retryThrottling.maxTokens"
        );
    }
    for ratio in ["0", "-0.1", "0.0001", "null"] {
        assert!(
            refused(&throttling("10", ratio))
                .0
                .starts_with("retryThrottling")
        );
    }
}

#[test]
fn load_balancing_choices_keep_their_order_and_each_has_one_name() {
    let config = accepted(
        r#"{"loadBalancingConfig": [{"b": {"x": 1}}, {"a": {}}], "loadBalancingPolicy": "c"}"#,
    );
    let choices = config.load_balancing();
    assert_eq!([&choices[0].name, &choices[1].name], ["b", "a"]);
    assert_eq!(choices[0].config.path(), "loadBalancingConfig[0].b");
    assert_eq!(config.load_balancing_policy(), Some("c"));
    assert_eq!(
        refused(r#"{"loadBalancingConfig": [{}]}"#).0,
        "loadBalancingConfig[0]"
    );
    let two = r#"{"loadBalancingConfig": [{"a": {}}, {"b": {}, "c": {}}]}"#;
    assert_eq!(refused(two).0, "loadBalancingConfig[1]");
    assert!(
        accepted(r#"{"loadBalancingConfig": []}"#)
            .load_balancing()
            .is_empty()
    );
}

#[test]
fn the_service_of_health_checks_is_read() {
    let service = |text| accepted(text).health_check_service().map(str::to_owned);
    assert_eq!(
        service(r#"{"healthCheckConfig": {"serviceName": "shop"}}"#),
        Some("shop".into())
    );
    assert_eq!(service(r#"{"healthCheckConfig": {}}"#), None);
    assert_eq!(service("{}"), None);
}

#[test]
fn the_connections_of_a_subchannel_are_read_and_at_least_one() {
    let read = |text: &str| ServiceConfig::parse(text).map(|c| c.max_connections_per_subchannel());
    let scaling =
        |max| format!(r#"{{"connectionScaling": {{"maxConnectionsPerSubchannel": {max}}}}}"#);
    assert_eq!(read(&scaling("10")).unwrap(), Some(10));
    assert_eq!(read(r#"{"connectionScaling": {}}"#).unwrap(), None);
    assert_eq!(read("{}").unwrap(), None);
    for bad in ["0", "-1", "1.5", "4294967296", r#""many""#] {
        let error = read(&scaling(bad)).unwrap_err();
        assert_eq!(
            error.path(),
            "connectionScaling.maxConnectionsPerSubchannel",
            "{bad}"
        );
    }
}
