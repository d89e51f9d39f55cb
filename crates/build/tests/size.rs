//! How much code a service costs.

use farcall_build::Config;
use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

fn rustfmt(code: &str) -> String {
    let program = env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into());
    let mut child = Command::new(program)
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is part of the toolchain that rust-toolchain.toml names");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(code.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The items of the service, moved to the left.
fn service(config: Config) -> String {
    let code = config.generate().unwrap().code;
    let start = code
        .find("            /// Sends back what it gets.")
        .expect("the documentation of the service");
    let lines = code[start..]
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("            "));
    lines
        .map(|line| format!("{}\n", line.get(12..).unwrap_or_default()))
        .collect()
}

fn counted(code: &str) -> usize {
    code.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
fn an_echo_service_with_four_methods_costs_at_most_120_lines() {
    let formatted = rustfmt(&service(Config::new().proto("tests/proto/echo.proto")));
    for item in [
        "pub trait Echo",
        "pub struct EchoServer",
        "pub struct EchoClient",
        "pub mod echo",
    ] {
        assert!(formatted.contains(item), "{item} is counted too");
    }
    let lines = counted(&formatted);
    assert!(lines <= 120, "{lines} lines:\n{formatted}");
}

#[test]
fn services_come_out_as_rustfmt_would_write_them() {
    let code = service(Config::new().proto("tests/proto/echo.proto"));
    assert_eq!(code.trim_end(), rustfmt(&code).trim_end());
}
