use super::*;
use crate::random::XorShift;
use farcall_http2::{Field, Fields, KnownName};
use std::io;

fn written(status: &Status) -> Fields {
    let mut fields = Fields::new();
    write_status(status, &mut fields);
    fields
}

fn read(pairs: &[(KnownName, &str)]) -> Result<Option<Status>, Status> {
    let fields: Vec<_> = pairs
        .iter()
        .map(|(name, value)| Field::new(*name, value.to_string()))
        .collect();
    status_of_trailers(&fields)
}

/// grpc-status-details-bin with this code and message.
fn details(code: i32, message: &str, details: &[Any]) -> String {
    let coded = crate::metadata::encode_base64(&proto::encode(code, message, details));
    String::from_utf8(coded.into()).unwrap()
}

#[test]
fn what_main_prints_of_a_status_is_for_people() {
    let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "refused");
    let status = Status::unavailable("no connection").with_cause(refused);
    assert_eq!(format!("{status:?}"), "UNAVAILABLE: no connection: refused");
    assert!(format!("{status:#?}").contains("code: Unavailable"));
}

#[test]
fn a_status_is_small_so_that_results_are() {
    assert!(size_of::<Status>() <= 48, "{}", size_of::<Status>());
    assert!(size_of::<Result<(), Status>>() <= 48);
    fn shareable<T: Send + Sync + Clone + 'static>() {}
    shareable::<Status>();
}

#[test]
fn there_is_a_constructor_for_each_code() {
    let all = [
        Status::cancelled("m"),
        Status::unknown("m"),
        Status::invalid_argument("m"),
        Status::deadline_exceeded("m"),
        Status::not_found("m"),
        Status::already_exists("m"),
        Status::permission_denied("m"),
        Status::resource_exhausted("m"),
        Status::failed_precondition("m"),
        Status::aborted("m"),
        Status::out_of_range("m"),
        Status::unimplemented("m"),
        Status::internal("m"),
        Status::unavailable("m"),
        Status::data_loss("m"),
        Status::unauthenticated("m"),
    ];
    for (status, code) in all.iter().zip(&Code::ALL[1..]) {
        assert_eq!((status.code(), status.message()), (*code, "m"));
    }
}

#[test]
fn display_shows_code_message_and_the_chain_of_causes_once() {
    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);
    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }
    let cause = Layer("connect to [::1]:1", Some(Box::new(Layer("refused", None))));
    let status = Status::unavailable("no backend").with_cause(cause);
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: no backend: connect to [::1]:1: refused"
    );
    assert_eq!(status.source().unwrap().to_string(), "connect to [::1]:1");
    let outer = Status::internal("lookup failed").with_cause(status);
    assert_eq!(
        outer.to_string(),
        "INTERNAL: lookup failed: UNAVAILABLE: no backend: connect to [::1]:1: refused"
    );
    assert_eq!(Status::from(Code::Aborted).to_string(), "ABORTED");
}

#[test]
fn equality_looks_at_code_message_and_details_only() {
    let status = Status::not_found("m");
    let mut other = status.clone().with_cause("c").mark_received();
    other.metadata_mut().insert("a", "b");
    assert_eq!(status, other);
    assert_ne!(status, Status::not_found("n"));
    assert_ne!(status, Status::internal("m"));
    assert_ne!(
        status,
        status.clone().with_any_detail(Any::new("t", vec![1]))
    );
}

#[test]
fn clones_do_not_change_each_other() {
    let status = Status::not_found("m").with_any_detail(Any::new("t", vec![1]));
    let mut other = status.clone().with_any_detail(Any::new("u", vec![2]));
    other.metadata_mut().insert("a", "b");
    assert_eq!(
        (status.any_details().len(), other.any_details().len()),
        (1, 2)
    );
    assert!(status.metadata().is_empty());
}

#[test]
fn initial_metadata_stays_here_although_the_status_is_forwarded() {
    let status = Status::aborted("m").with_initial_metadata(Metadata::from_iter([("tenant", "a")]));
    assert_eq!(status.initial_metadata().get("tenant"), Some("a"));
    assert!(status.metadata().is_empty());
    let sent = status.clone().mark_received().forward().for_wire();
    assert_eq!(written(&sent), written(&Status::aborted("m")));
    assert!(format!("{status:?}").contains("tenant"));
    assert!(Status::OK.initial_metadata().is_empty());
}

#[test]
fn a_received_status_goes_out_as_its_code_alone_unless_forwarded() {
    let mut status = Status::not_found("table secrets")
        .with_any_detail(Any::new("t", vec![1]))
        .with_cause("db7.internal")
        .mark_received();
    status.metadata_mut().insert("x-internal", "1");
    let neutral = status.clone().for_wire();
    assert_eq!(neutral.code(), Code::NotFound);
    assert!(!neutral.message().contains("secrets") && !neutral.message().is_empty());
    assert!(neutral.any_details().is_empty() && neutral.metadata().is_empty());

    let forwarded = status.clone().forward();
    assert!(!forwarded.is_received() && status.is_received());
    let wire = forwarded.for_wire();
    assert_eq!(
        (
            wire.message(),
            wire.any_details().len(),
            wire.metadata().len()
        ),
        ("table secrets", 1, 1)
    );
    assert_eq!(Status::OK.mark_received().for_wire(), Status::OK);
}

#[test]
fn a_status_without_message_and_details_is_one_field() {
    let fields = written(&Status::from(Code::Unauthenticated));
    assert_eq!(fields, [Field::new(KnownName::GrpcStatus, "16")]);
}

#[test]
fn what_is_written_reads_back() {
    let mut random = XorShift::new(9);
    for _ in 0..5_000 {
        let code = Code::ALL[random.below(17)];
        let mut status = Status::new(code, String::from_utf8_lossy(&random.bytes(20)));
        for _ in 0..random.below(3) {
            status = status.with_any_detail(Any::new("type.googleapis.com/x.Y", random.bytes(20)));
        }
        assert_eq!(
            status_of_trailers(&written(&status)).unwrap().unwrap(),
            status
        );
    }
}

#[test]
fn the_details_message_is_used_when_the_codes_agree() {
    let any = [Any::new("t/a.B", vec![1])];
    let bin = details(5, "from details", &any);
    let status = read(&[
        (KnownName::GrpcStatus, "5"),
        (KnownName::GrpcMessage, "from header"),
        (KnownName::GrpcStatusDetailsBin, &bin),
    ]);
    let status = status.unwrap().unwrap();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "from details")
    );
    assert_eq!(status.any_details(), any);
}

#[test]
fn details_with_another_code_make_the_status_internal() {
    let status = read(&[
        (KnownName::GrpcStatus, "5"),
        (KnownName::GrpcStatusDetailsBin, &details(6, "", &[])),
    ]);
    let status = status.unwrap().unwrap();
    assert_eq!(status.code(), Code::Internal);
    assert!(
        status.message().contains("code 6") && status.message().contains("says 5"),
        "{status}"
    );
    let ok = read(&[
        (KnownName::GrpcStatus, "0"),
        (KnownName::GrpcStatusDetailsBin, &details(6, "", &[])),
    ]);
    assert_eq!(ok.unwrap().unwrap().code(), Code::Internal);
}

#[test]
fn repeated_or_unreadable_details_are_ignored() {
    let good = details(5, "from details", &[]);
    for bins in [
        vec![&*good, &*good],
        vec!["!!"],
        vec!["/////w"],
        vec!["CgFh"],
    ] {
        let mut pairs = vec![
            (KnownName::GrpcStatus, "5"),
            (KnownName::GrpcMessage, "from header"),
        ];
        pairs.extend(
            bins.into_iter()
                .map(|bin| (KnownName::GrpcStatusDetailsBin, bin)),
        );
        let status = read(&pairs).unwrap().unwrap();
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "from header")
        );
        assert!(status.any_details().is_empty());
    }
}

#[test]
fn no_status_malformed_status_and_unknown_numbers_are_told_apart() {
    assert!(read(&[(KnownName::GrpcMessage, "m")]).unwrap().is_none());
    for value in ["", "x", "0x1", "+1", "1.0", "99999999999"] {
        assert_eq!(
            read(&[(KnownName::GrpcStatus, value)]).unwrap_err().code(),
            Code::Unknown,
            "{value}"
        );
    }
    let unknown = read(&[(KnownName::GrpcStatus, "17")]).unwrap().unwrap();
    assert_eq!(
        (unknown.code(), unknown.message()),
        (Code::Unknown, "unknown grpc-status 17")
    );
    assert_eq!(
        read(&[(KnownName::GrpcStatus, "00")])
            .unwrap()
            .unwrap()
            .code(),
        Code::Ok
    );
}

#[test]
fn random_trailers_never_panic() {
    let mut random = XorShift::new(10);
    let names = [
        KnownName::GrpcStatus,
        KnownName::GrpcMessage,
        KnownName::GrpcStatusDetailsBin,
    ];
    for _ in 0..20_000 {
        let fields: Vec<_> = (0..random.below(5))
            .map(|_| {
                Field::new(
                    names[random.below(3)],
                    random.bytes_of(b"0159%ACgEb=,\xff", 10),
                )
            })
            .collect();
        let _ = status_of_trailers(&fields);
    }
}

#[test]
fn errors_of_others_keep_their_text_local() {
    let io = std::io::Error::new(std::io::ErrorKind::NotFound, "/etc/secret");
    let status = Status::from(io);
    assert_eq!(status.code(), Code::NotFound);
    assert!(!status.message().contains("secret") && status.to_string().contains("/etc/secret"));

    let boxed: Box<dyn Error + Send + Sync> = "password".into();
    let status = Status::from(boxed);
    assert_eq!(status.code(), Code::Unknown);
    assert!(!status.message().contains("password"));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(Status::aborted("mine"));
    assert_eq!(Status::from(boxed), Status::aborted("mine"));
}

#[cfg(feature = "prost")]
mod typed {
    use super::*;
    use crate::status::{Any, rpc::*};
    use std::time::Duration as StdDuration;

    #[test]
    fn the_ten_standard_details_travel() {
        macro_rules! check {
            ($($name:ident $detail:expr),* $(,)?) => {$({
                let status = super::super::Status::aborted("m").with_detail($detail.clone());
                let read = status_of_trailers(&written(&status)).unwrap().unwrap();
                assert_eq!(read.any_details()[0].type_url, concat!("type.googleapis.com/google.rpc.", stringify!($name)));
                assert_eq!(read.details::<$name>(), Some($detail));
            })*};
        }
        let text = || "text".to_string();
        let message = LocalizedMessage {
            locale: "de".into(),
            message: text(),
        };
        check! {
            ErrorInfo ErrorInfo { reason: text(), domain: text(), metadata: [("k".to_string(), text())].into() },
            RetryInfo RetryInfo::after(StdDuration::from_millis(1500)),
            DebugInfo DebugInfo { stack_entries: vec![text(), text()], detail: text() },
            QuotaFailure QuotaFailure { violations: vec![QuotaViolation {
                subject: text(), quota_value: 7, future_quota_value: Some(8), ..Default::default()
            }] },
            PreconditionFailure PreconditionFailure { violations: vec![PreconditionViolation {
                r#type: text(), subject: text(), description: text(),
            }] },
            BadRequest BadRequest { field_violations: vec![FieldViolation {
                field: text(), description: text(), reason: text(), localized_message: Some(message.clone()),
            }] },
            RequestInfo RequestInfo { request_id: text(), serving_data: text() },
            ResourceInfo ResourceInfo { owner: text(), ..Default::default() },
            Help Help { links: vec![HelpLink { description: text(), url: text() }] },
            LocalizedMessage message.clone(),
        }
    }

    #[test]
    fn details_are_found_by_type_whatever_stands_before_the_name() {
        let any = Any::new("example.com/google.rpc.RetryInfo", &b"\x0a\x02\x08\x03"[..]);
        let status = super::super::Status::aborted("m").with_any_detail(any);
        assert_eq!(
            status.details::<RetryInfo>().unwrap().delay(),
            Some(StdDuration::from_secs(3))
        );
        assert_eq!(status.details::<ErrorInfo>(), None);
    }

    #[test]
    fn a_detail_that_cannot_be_decoded_is_passed_over_and_still_there_as_bytes() {
        let broken = Any::new(RetryInfo::TYPE_URL, &b"\xff"[..]);
        let status = super::super::Status::aborted("m").with_any_detail(broken);
        assert_eq!(status.details::<RetryInfo>(), None);
        let status = status.with_detail(RetryInfo::after(StdDuration::from_secs(1)));
        assert_eq!(status.all_details::<RetryInfo>().count(), 1);
        assert_eq!(status.any_details().len(), 2);
    }

    #[test]
    fn negative_delays_are_none() {
        let info = RetryInfo {
            retry_delay: Some(Duration {
                seconds: -1,
                nanos: 0,
            }),
        };
        assert_eq!(info.delay(), None);
    }

    #[test]
    fn a_status_becomes_a_message_and_comes_back() {
        let status = super::super::Status::aborted("m")
            .with_detail(RetryInfo::after(StdDuration::from_secs(1)));
        let message = rpc::Status::from(&status);
        assert_eq!((message.code, message.details.len()), (10, 1));
        assert_eq!(super::super::Status::from(message), status);
    }
}

#[test]
fn attempts_that_ended_alike_share_one_text_however_often_connecting_was_tried() {
    let failed = |history: &str| {
        let text = format!("{history}: 10.0.0.1:1: connection refused");
        Status::unavailable("no connection").with_cause(text)
    };
    let previous = vec![
        failed("try 1"),
        failed("try 2, failing for 1.5s"),
        failed("try 2, failing for 1.5s"),
    ];
    let status = failed("try 3, failing for 4s").with_previous_attempts(previous.clone());
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: no connection: try 3, failing for 4s: 10.0.0.1:1: connection refused (attempt 4; 1 to 3: the same)"
    );
    let status = Status::internal("broken").with_previous_attempts(previous);
    assert_eq!(
        status.to_string(),
        "INTERNAL: broken (attempt 4; 1 to 3: UNAVAILABLE: no connection: try 2, failing for 1.5s: 10.0.0.1:1: connection refused)"
    );
    let texts = |texts: [&str; 3]| {
        let [one, two, three] = texts.map(Status::unavailable);
        three.with_previous_attempts(vec![one, two]).to_string()
    };
    assert_eq!(
        texts(["a", "b", "a"]),
        "UNAVAILABLE: a (attempt 3; 1: the same; 2: UNAVAILABLE: b)"
    );
    assert_eq!(
        texts(["10.0.0.1", "10.0.0.2", "x"])
            .matches("10.0.0")
            .count(),
        2
    );
}

#[test]
fn a_cause_that_says_what_the_one_before_it_ends_with_is_left_out() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "TLS: {}", self.0)
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let status =
        Status::unavailable("no connection").with_cause(Outer(io::Error::other("not TLS")));
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: no connection: TLS: not TLS"
    );
}
