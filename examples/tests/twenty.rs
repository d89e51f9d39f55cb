//! `twenty-server` and `twenty-client` are as short as they say, and they work.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// Lines that somebody has to write: no imports, no comments, no lines without a letter.
fn own_lines(program: &str) -> usize {
    let path = format!("{}/src/bin/{program}.rs", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let own = |line: &&str| {
        let line = line.trim();
        line.contains(char::is_alphabetic)
            && !["//", "use ", "#["].iter().any(|s| line.starts_with(s))
    };
    text.lines().filter(own).count()
}

/// A server that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn either_side_has_at_most_twenty_lines_of_its_own() {
    for program in ["twenty-server", "twenty-client"] {
        assert!(
            own_lines(program) <= 20,
            "{program}: {}",
            own_lines(program)
        );
        assert!(own_lines(program) > 10, "{program} is not counted right");
    }
}

#[test]
fn they_make_each_kind_of_call_with_metadata_deadline_and_typed_error_details() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut server = Command::new(env!("CARGO_BIN_EXE_twenty-server"));
    let _server = Running(server.arg(&address).spawn().unwrap());
    let limit = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(&address).is_err() {
        assert!(Instant::now() < limit, "the server does not listen");
        thread::yield_now();
    }

    let mut client = Command::new(env!("CARGO_BIN_EXE_twenty-client"));
    let output = client.arg(&address).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Hello, Ada of blue!");
    assert_eq!(lines[1], "Hello, Ada of blue!");
    assert_eq!(lines[2], "Bonjour, Ada!");
    assert_eq!(lines[3], "Hello, Ada of blue!");
    assert!(lines[4].contains("Hello, Ada of blue!"), "{text}");
    assert!(
        lines[5].starts_with("UNAUTHENTICATED: who?: Some(ErrorInfo"),
        "{text}"
    );
    assert!(lines[5].contains("NO_TENANT"), "{text}");
    assert_eq!(lines.len(), 6);
}
