//! The tables of the guide's chapter on limits say what the code does.

use farcall_http2::{Act, Config};
use std::{fs, path::Path, time::Duration};

const GUIDE: &str = include_str!("../../../crates/farcall/docs/limits.md");

/// The rows of all tables whose first cell is, or begins with, this.
fn rows(first: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.split(" | ").map(|cell| cell.trim_matches(['|', ' ']));
    let tables = GUIDE.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<_>> = tables.map(|line| cells(line).collect()).collect();
    let mut rows = rows;
    rows.retain(|row| row[0].trim_matches('`').starts_with(first));
    assert!(!rows.is_empty(), "the guide has no row for {first}");
    rows
}

fn number(value: impl Into<u64>) -> String {
    let digits = value.into().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(value: u64) -> String {
    match value {
        _ if value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        _ => format!("{} KiB", value >> 10),
    }
}

fn time(value: Duration) -> String {
    match value.as_secs() {
        seconds if seconds % 60 == 0 && seconds > 60 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[test]
fn every_act_is_in_the_guide_with_its_budget() {
    let config = Config::default();
    for act in Act::ALL {
        let budget = config.budgets.of(*act);
        let expected = format!("{}; {}", number(budget.burst), number(budget.per_second));
        let name = format!("{act:?}");
        let row = rows(&name)
            .into_iter()
            .find(|row| row[0] == format!("`{name}`"));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!(row[2], expected, "{name}");
    }
}

#[test]
fn the_defaults_in_the_guide_are_those_of_the_code() {
    let config = Config::default();
    let windows = format!(
        "{} and {}",
        bytes(config.initial_stream_window.into()),
        bytes(config.initial_connection_window.into())
    );
    let unread = format!(
        "{}, {}",
        bytes(config.send_budget as u64),
        time(config.stuck_timeout)
    );
    let expected = [
        (
            "max_concurrent_streams",
            number(config.max_concurrent_streams),
        ),
        (
            "max_header_list_size",
            bytes(config.max_header_list_size.into()),
        ),
        ("max_header_memory", bytes(config.header_budget as u64)),
        ("max_unread_responses", unread),
        ("max_unread_output", bytes(config.max_unread_output as u64)),
        ("static_windows", windows.clone()),
        ("initial_windows", windows),
        ("header_table_size", bytes(config.header_table_size.into())),
        ("keepalive_enforcement", time(config.min_ping_interval)),
        (
            "unread bytes of one connection",
            bytes(config.receive_budget as u64),
        ),
        (
            "bytes of one stream on their way",
            bytes(config.send_high_water as u64),
        ),
        (
            "acknowledgement of our SETTINGS",
            time(config.settings_timeout),
        ),
        ("HPACK tables", bytes(config.header_table_size.into())),
        (
            "size and number of fields",
            bytes(config.accepted_header_list_size.into()),
        ),
        (
            "size and number of fields",
            config.max_header_count.to_string(),
        ),
    ];
    for (setting, value) in expected {
        for row in rows(setting) {
            assert!(row[1].contains(&value), "{setting}: {value} in {row:?}");
        }
    }
    // Those of channels; a server's row may say "as on a channel".
    let first = |setting: &str| rows(setting).remove(0);
    assert_eq!(
        first("max_unread_replies")[1],
        number(config.max_unread_replies)
    );
    assert_eq!(
        first("max_continuations")[1],
        number(config.max_continuations)
    );
    assert_eq!(
        first("header_block_timeout")[1],
        time(config.header_block_timeout)
    );
}

/// The settings of a builder: methods that take and return it, wherever they stand.
fn settings(builder: &str, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            settings(builder, &path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("\nimpl").skip(1);
        for block in blocks.filter(|block| block.trim_start().starts_with(&format!("{builder} {{")))
        {
            let block = block.split("\n}").next().unwrap();
            let methods = block.split("pub fn ").skip(1);
            for method in methods.filter(|method| method.contains("mut self")) {
                let (name, rest) = method.split_once(['(', '<']).unwrap();
                if rest.trim_start().starts_with("mut self") || rest.contains("(mut self") {
                    found.push(name.to_owned());
                }
            }
        }
    }
}

/// What has no default that a program would want to look up.
const NOT_SETTINGS: [&str; 4] = [
    "add_service",
    "interceptor",
    "attempt_interceptor",
    "call_credentials",
];

#[test]
fn every_setting_has_its_row() {
    let net = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/net/src"));
    for (builder, folder, some) in [
        ("ChannelBuilder", "client", "max_attempts"),
        ("Server", "server", "max_connections"),
    ] {
        let mut found = Vec::new();
        settings(builder, &net.join(folder), &mut found);
        assert!(
            found.iter().any(|name| name == some),
            "{builder}: {found:?}"
        );
        for name in found {
            let known = NOT_SETTINGS.contains(&&name[..]);
            let named = [
                format!("`{name}`"),
                format!("`{name}("),
                format!(".{name}("),
            ];
            assert!(
                known || named.iter().any(|name| GUIDE.contains(name)),
                "limits.md says nothing of {builder}::{name}"
            );
        }
    }
}
