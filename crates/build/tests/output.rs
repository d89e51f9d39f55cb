//! Where output goes, and when it changes.

use farcall_build::{Config, run_gen};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::{fs, path::PathBuf};

fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("output")
        .join(test);
    let _ = fs::remove_dir_all(&path);
    path
}

fn echo() -> Config {
    Config::new().proto("tests/proto/echo.proto")
}

#[test]
fn checked_in_code_is_fresh_until_something_changes() {
    let directory = directory("check");
    let missing = echo().check(&directory).unwrap_err();
    assert!(missing.is_stale(), "{missing}");
    echo().emit_to(&directory).unwrap();
    echo().check(&directory).unwrap();
    assert!(
        echo()
            .client(false)
            .check(&directory)
            .unwrap_err()
            .is_stale()
    );

    let path = directory.join("farcall.rs");
    let code = fs::read_to_string(&path).unwrap();
    fs::write(&path, code.replace("UNARY_ECHO", "UNARY")).unwrap();
    let stale = echo().check(&directory).unwrap_err().to_string();
    assert!(
        stale.contains("farcall.rs") && !stale.contains("descriptor"),
        "{stale}"
    );
    assert!(!Config::new().check(&directory).unwrap_err().is_stale());
}

#[test]
fn a_file_that_would_not_change_is_not_written() {
    let directory = directory("unchanged");
    echo().emit_to(&directory).unwrap();
    let path = directory.join("farcall.rs");
    let before = fs::File::open(&path).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    echo().emit_to(&directory).unwrap();
    assert_eq!(before.metadata().unwrap().modified().unwrap(), old);
}

#[test]
fn the_descriptor_set_is_kept_without_comments() {
    let directory = directory("descriptors");
    echo().name("other").out_dir(&directory).compile().unwrap();
    let bytes = fs::read(directory.join("other.descriptor.bin")).unwrap();
    let set = FileDescriptorSet::decode(&*bytes).unwrap();
    assert_eq!(set.file[0].service[0].name(), "Echo");
    assert!(set.file.iter().all(|file| file.source_code_info.is_none()));
    let code = fs::read_to_string(directory.join("other.rs")).unwrap();
    assert!(code.contains("include_bytes!(\"other.descriptor.bin\")"));
}

#[test]
fn the_same_input_gives_the_same_output_by_either_compiler_or_a_set() {
    let generated = echo().generate().unwrap();
    let again = echo().generate().unwrap();
    assert_eq!(generated.code, again.code);
    // From the set alone, all that is lost is what comments said.
    let without = |code: &str| -> Vec<String> {
        code.lines()
            .filter(|line| !line.trim_start().starts_with("///"))
            .map(str::to_owned)
            .collect()
    };
    let from_set = Config::new()
        .descriptor_set(generated.descriptor_set.clone())
        .generate()
        .unwrap();
    assert_eq!(without(&from_set.code), without(&generated.code));
    assert_eq!(from_set.descriptor_set, generated.descriptor_set);
}

#[test]
fn the_command_writes_checks_and_explains() {
    let directory = directory("command");
    let out = directory.display().to_string();
    let run = |arguments: &[&str]| run_gen(arguments.iter().map(|argument| argument.to_string()));
    let file = "tests/proto/echo.proto";
    assert!(
        run(&["--check", "--out", &out, file])
            .unwrap_err()
            .is_stale()
    );
    assert!(
        run(&["--out", &out, "--client", "false", file])
            .unwrap()
            .contains("is written")
    );
    assert!(
        run(&["--check", "--out", &out, "--client=false", file])
            .unwrap()
            .contains("is fresh")
    );
    let code = fs::read_to_string(directory.join("farcall.rs")).unwrap();
    assert!(!code.contains("EchoClient") && code.contains("EchoServer"));
    assert!(run(&["--help"]).unwrap().contains("--extern-path"));
    assert!(
        run(&["--nonsense", "1", file])
            .unwrap_err()
            .to_string()
            .contains("there is no option nonsense")
    );
    assert!(
        run(&["-x", file])
            .unwrap_err()
            .to_string()
            .contains("there is no option -x")
    );
    assert!(
        run(&[file, "--out"])
            .unwrap_err()
            .to_string()
            .contains("--out needs a value")
    );
}

#[test]
fn roots_are_found_from_packages() {
    let directory = directory("roots");
    let write = |name: &str, source: &str| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("syntax = \"proto3\";\n{source}")).unwrap();
        path
    };
    let a = write(
        "acme/v1/a.proto",
        "package acme.v1;\nimport \"acme/v1/b.proto\";\nmessage A { B b = 1; }\n",
    );
    let b = write("acme/v1/b.proto", "package acme.v1;\nmessage B {}\n");
    let c = write(
        "loose/c.proto",
        "package other;\nimport \"d.proto\";\nmessage C { D d = 1; }\n",
    );
    write("loose/d.proto", "package other;\nmessage D {}\n");
    let code = Config::new().protos([a, b, c]).generate().unwrap().code;
    for message in [
        "pub struct A",
        "pub struct B",
        "pub struct C",
        "pub struct D",
    ] {
        assert_eq!(code.matches(message).count(), 1, "{message}");
    }
}

#[test]
fn messages_of_another_generator_are_taken_from_where_they_are_with_their_codec() {
    let foreign = || echo().messages_in("crate::messages").codec("::x::X");
    let code = foreign().generate().unwrap().code;
    assert!(!code.contains("pub struct EchoRequest"), "{code}");
    assert!(!code.contains("::prost"), "{code}");
    let flat: String = code.split_whitespace().collect();
    let message = "crate::messages::grpc::examples::echo::Echo";
    let typed = format!("Method<{message}Request,{message}Response,::x::X,>");
    assert!(flat.contains(&typed), "{code}");
    assert!(
        flat.contains("::farcall::MethodKind::Bidi,::x::X)"),
        "{code}"
    );
    assert!(!code.contains("pub mod served"), "{code}");

    let error = echo().messages_in("crate::messages").generate();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("codec must name"), "{error}");
}

#[test]
fn each_side_has_methods_of_its_own_where_it_gets_messages_in_another_form() {
    let foreign = || {
        let config = echo().messages_in("crate::m").codec("X");
        config.requests_as("V").responses_as("W")
    };
    let message = |name: &str| format!("crate::m::grpc::examples::echo::{name}");
    let code = foreign().generate().unwrap().code;
    let flat: String = code.split_whitespace().collect();
    let (request, response) = (message("EchoRequest"), message("EchoResponse"));
    let client = format!("Method<{request},W<{response}>,X,>");
    let server = format!("Method<V<{request}>,{response},X,>");
    let halves: Vec<&str> = flat.split("pubmodserved{").collect();
    assert_eq!(halves.len(), 2, "{code}");
    assert!(
        halves[0].contains(&client) && !halves[0].contains(&server),
        "{code}"
    );
    assert!(
        halves[1].contains(&server) && !halves[1].contains(&client),
        "{code}"
    );
    assert!(flat.contains("echo::served::UNARY_ECHO"), "{code}");

    let one_side = |config: Config| -> String {
        let code = config.generate().unwrap().code;
        assert!(!code.contains("pub mod served"), "{code}");
        code.split_whitespace().collect()
    };
    assert!(one_side(foreign().server(false)).contains(&client));
    assert!(one_side(foreign().client(false)).contains(&server));
}
