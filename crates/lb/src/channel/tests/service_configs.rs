//! Service configs that are accepted and refused, row by row of a table that also says what grpc-go does.

use crate::Registry;
use crate::channel::{Channel, ChannelConfig, ConfigError};
use farcall_core::ServiceConfig;

/// Columns: where it is refused, or `ok`; what grpc-go says; the config; why the two differ. `tests/interop/service-config/run` asks
/// grpc-go itself.
const TABLE: &str = include_str!("service_configs.tsv");

/// `ok`, or the path at which a channel refuses the config.
fn verdict(text: &str) -> String {
    let config = match ServiceConfig::parse(text) {
        Ok(config) => config,
        Err(error) => return error.path().to_owned(),
    };
    let channel = ChannelConfig::new(1)
        .with_registry(Registry::built_in())
        .with_default_service_config(config);
    match Channel::new("dns:///fleet:1", channel) {
        Ok(_) => "ok".into(),
        Err(ConfigError::ServiceConfig(error)) => error.path().to_owned(),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn every_case_is_judged_as_written_and_a_refusal_names_the_path() {
    let mut wrong = Vec::new();
    for (line, row) in (1..).zip(TABLE.lines()) {
        if row.starts_with('#') {
            continue;
        }
        let columns: Vec<_> = row.split('\t').collect();
        let (expected, config) = (columns[0], columns[2]);
        let found = verdict(config);
        if found != expected {
            wrong.push(format!(
                "line {line}: {found:?}, not {expected:?}: {config}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wherever_we_differ_from_grpc_go_the_table_says_why() {
    let mut different = 0;
    for row in TABLE.lines().filter(|row| !row.starts_with('#')) {
        let columns: Vec<_> = row.split('\t').collect();
        assert!(["ok", "refused"].contains(&columns[1]), "{row}");
        let alike = (columns[0] == "ok") == (columns[1] == "ok");
        assert_eq!(alike, columns.len() == 3, "{row}");
        different += usize::from(!alike);
    }
    assert_eq!(different, 9);
}
