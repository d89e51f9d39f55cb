//! The table of reactions in `docs/security.md`: every crime, what answers it, and what shows that. Made from the cases that
//! commit the crimes; `UPDATE=1` writes it anew.

use super::crimes::{CASES, Scope};
use crate::PeerMisbehaved as Crime;
use std::{fs, path::Path};

/// Crimes that need more than octets after a greeting: the reaction, and the test that commits them.
const OTHERS: &[(Crime, Scope, &str, &str)] = {
    const GREETING: &str = "greeting";
    const BUDGETS: &str = "budgets";
    const FOREIGN: &str = "another_protocol_is_noticed_at_its_first_wrong_octet_and_named";
    const FOREIGN_SERVER: &str = "a_server_that_speaks_another_protocol_is_recognised";
    const END: Scope = Scope::Connection;
    &[
        (Crime::BadPreface, END, GREETING, FOREIGN),
        (Crime::SpeaksHttp1, END, GREETING, FOREIGN),
        (Crime::SpeaksTls, END, GREETING, FOREIGN),
        (Crime::AnswersWithTlsAlert, END, GREETING, FOREIGN_SERVER),
        (Crime::SpeaksSsh, END, GREETING, FOREIGN),
        (Crime::SpeaksSmtp, END, GREETING, FOREIGN_SERVER),
        (Crime::SpeaksText, END, GREETING, FOREIGN),
        (
            Crime::FirstFrameNotSettings,
            END,
            GREETING,
            "the_first_frame_must_be_settings",
        ),
        (
            Crime::HeaderBlockTooSlow,
            END,
            BUDGETS,
            "a_header_block_must_be_finished_in_time",
        ),
        (
            Crime::ResponsesUnread,
            END,
            BUDGETS,
            "a_client_that_reads_nothing_gets_no_more_than_the_send_budget_and_one_response",
        ),
        (
            Crime::HeaderMemoryExceeded,
            Scope::Request(0),
            BUDGETS,
            "header_lists_of_open_requests_have_a_limit_together_and_give_room_back",
        ),
        (
            Crime::BacklogExceeded,
            Scope::Request(0),
            BUDGETS,
            "a_client_that_reads_nothing_gets_no_more_than_the_send_budget_and_one_response",
        ),
        (
            Crime::TooManyRefusals,
            END,
            BUDGETS,
            "requests_that_the_driver_has_no_room_for_are_counted_too",
        ),
        (
            Crime::TooManyDribbles,
            END,
            BUDGETS,
            "a_window_that_opens_byte_by_byte_has_a_budget",
        ),
    ]
};

/// Programs of `tests/attacks` that come to this.
const ATTACKS: &[(Crime, &str)] = &[
    (Crime::BadPreface, "garbage half-prefaces"),
    (Crime::SpeaksHttp1, "http1-request http1-server"),
    (Crime::SpeaksTls, "tls-to-plaintext"),
    (Crime::AnswersWithTlsAlert, "tls-alert-server"),
    (Crime::SpeaksSsh, "ssh-client ssh-server"),
    (Crime::SpeaksSmtp, "smtp-server"),
    (Crime::SpeaksText, "imap-server"),
    (
        Crime::FirstFrameNotSettings,
        "goaway-before-settings garbage-server",
    ),
    (Crime::FrameTooLarge, "frame-too-large"),
    (Crime::WrongFrameSize, "made-you-reset-priority-size"),
    (
        Crime::FrameOnIdleStream,
        "data-on-idle-stream streams-opened-by-server",
    ),
    (
        Crime::FrameOnClosedStream,
        "trailers-twice data-after-the-end",
    ),
    (
        Crime::FrameAfterEndStream,
        "made-you-reset-headers-after-end made-you-reset-data-after-end",
    ),
    (Crime::DataBeforeHeaders, "wrong-order"),
    (Crime::TrailersWithoutEndStream, "wrong-order"),
    (Crime::SelfDependency, "made-you-reset-priority-self"),
    (Crime::PushPromise, "push-promise"),
    (
        Crime::StreamLimitExceeded,
        "too-many-streams too-many-streams-before-ack",
    ),
    (
        Crime::InvalidEnablePush,
        "settings-enable-push-1 settings-enable-push-2",
    ),
    (Crime::InvalidInitialWindow, "settings-initial-window-2^31"),
    (
        Crime::InvalidMaxFrameSize,
        "settings-max-frame-size-0 settings-max-frame-size-16383 settings-max-frame-size-2^24",
    ),
    (Crime::UnexpectedSettingsAck, "settings-acks-unasked"),
    (Crime::ZeroWindowUpdate, "made-you-reset-zero-window"),
    (
        Crime::WindowOverflow,
        "after-goaway window-overflow made-you-reset-window-overflow",
    ),
    (Crime::StreamWindowExceeded, "data-beyond-window"),
    (Crime::GoAwayIdIncreased, "goaway-that-rises"),
    (Crime::HpackTruncated, "hpack-string-length"),
    (Crime::HpackInvalidIndex, "hpack-index-beyond-table"),
    (
        Crime::HpackIntegerOverflow,
        "hpack-endless-integer hpack-corrupt",
    ),
    (
        Crime::HpackTableSize,
        "hpack-table-too-large hpack-table-update-in-block hpack-table-4000-updates",
    ),
    (
        Crime::HeaderListTooLarge,
        "hpack-bomb-large-entry hpack-bomb-small-entry hpack-bomb-cookies wrong-grpc-status",
    ),
    (
        Crime::HeaderBlockTooLarge,
        "continuation-flood headers-without-end",
    ),
    (
        Crime::TooManyContinuations,
        "continuation-flood-one-byte continuation-flood-empty headers-byte-by-byte headers-without-end-empty",
    ),
    (Crime::InvalidFieldName, "header-injection wrong-headers"),
    (Crime::InvalidFieldValue, "header-injection wrong-headers"),
    (
        Crime::ConnectionSpecificField,
        "header-injection wrong-headers",
    ),
    (Crime::InvalidStatus, "wrong-http-status"),
    (Crime::InterimWithEndStream, "wrong-order"),
    (Crime::HeaderMemoryExceeded, "hpack-bomb-within-limits"),
    (
        Crime::TooManyResets,
        "rapid-reset rapid-reset-to-completion rapid-reset-of-uploads",
    ),
    (
        Crime::TooManyStreamErrors,
        "made-you-reset-zero-window bad-headers-flood empty-header-names",
    ),
    (
        Crime::TooManyRefusals,
        "too-many-streams too-many-streams-before-ack",
    ),
    (
        Crime::TooManySettings,
        "settings-flood settings-flood-unread",
    ),
    (
        Crime::TooManyPings,
        "ping-flood ping-flood-unread pings-every-20-ms",
    ),
    (Crime::TooManyEmptyFrames, "empty-data padding-only-data"),
    (
        Crime::TooManyTinyFrames,
        "tiny-data-one-message tiny-data-held tiny-data-unread",
    ),
    (Crime::TooManyGoAways, "goaway-flood"),
    (
        Crime::TooManyIdleFrames,
        "priority-churn window-update-flood unknown-frames resets-of-dead-streams endless-1xx",
    ),
];

const BEGIN: &str = "<!-- reactions: crates/http2/src/connection/tests/reactions.rs -->\n";
const END: &str = "<!-- end of reactions -->";

fn table() -> String {
    let mut table =
        String::from("| name | rule | answer | shown by | attacks |\n|---|---|---|---|---|\n");
    for crime in Crime::ALL {
        let cases = CASES.iter().filter(|case| case.0 == *crime);
        let mut scopes: Vec<_> = cases.map(|case| case.1).collect();
        let mut shown = vec!["CASES"];
        if scopes.is_empty() {
            shown.clear();
        }
        for (_, scope, _, test) in OTHERS.iter().filter(|other| other.0 == *crime) {
            scopes.push(*scope);
            shown.push(test);
        }
        let reason = crime.reason();
        let answer = |scope: &Scope| match scope {
            Scope::Connection => format!("GOAWAY {reason}"),
            _ => format!("RST_STREAM {reason}"),
        };
        let mut answers: Vec<_> = scopes.iter().map(answer).collect();
        answers.sort();
        answers.dedup();
        let attacks = ATTACKS.iter().filter(|attack| attack.0 == *crime);
        let attacks: Vec<_> = attacks.flat_map(|attack| attack.1.split(' ')).collect();
        let code = |names: &[&str]| match names {
            [] => "–".to_owned(),
            names => format!("`{}`", names.join("` `")),
        };
        table += &format!(
            "| `{}` | {crime} | {} | {} | {} |\n",
            crime.name(),
            answers.join("; of an open stream "),
            code(&shown),
            code(&attacks)
        );
    }
    table
}

#[test]
fn the_table_of_reactions_is_complete_and_the_committed_one() {
    for crime in Crime::ALL {
        let committed = CASES.iter().any(|case| case.0 == *crime);
        let elsewhere = OTHERS.iter().any(|other| other.0 == *crime);
        assert!(committed != elsewhere, "{crime:?} has no case, or two");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tests = root.join("crates/http2/src/connection/tests");
    for (crime, _, file, test) in OTHERS {
        let source = fs::read_to_string(tests.join(file).with_extension("rs")).unwrap();
        let body = source.split(&format!("fn {test}(")).nth(1);
        let body = body.unwrap_or_else(|| panic!("there is no test {test} in {file}"));
        let body = body.split("\n}\n").next().unwrap_or_default();
        let name = format!("::{}", crime.name());
        assert!(body.contains(&name), "{test} says nothing of {crime:?}");
    }
    let attacks = sources(&root.join("tests/attacks/src"));
    for name in ATTACKS.iter().flat_map(|attack| attack.1.split(' ')) {
        let quoted = format!("\"{name}\"");
        assert!(attacks.contains(&quoted), "there is no attack {name}");
    }
    let path = root.join("docs/security.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (found, after) = rest.split_once(END).expect("the table ends");
    let table = format!("\n{}\n", table());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == table,
        "the reactions have changed; if that is meant, run this test with UPDATE=1"
    );
}

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false => fs::read_to_string(&path).unwrap_or_default(),
        })
        .collect()
}
