//! Mistakes are found where they are made, and named.

use super::*;

/// What is wrong with a server of this certificate and key.
fn server_error(certificates: &str, key: &str) -> TlsConfigError {
    ServerTls::from_pem(certificates, key).unwrap_err()
}

#[test]
fn keys_may_be_pkcs8_or_sec1() {
    ServerTls::from_pem(SERVER, SERVER_KEY_SEC1)
        .unwrap()
        .acceptor()
        .unwrap();
}

#[test]
fn a_key_of_another_certificate_is_found_out() {
    let error = server_error(SERVER, CLIENT_KEY);
    assert!(error.is_mismatch());
    assert_eq!(
        error.to_string(),
        "server private key: this private key does not belong to the certificate of server certificate"
    );
    assert!(
        client()
            .identity_pem(CLIENT, SERVER_KEY)
            .unwrap_err()
            .is_mismatch()
    );
}

#[test]
fn an_encrypted_key_is_named_as_such() {
    let error = server_error(SERVER, SERVER_KEY_ENCRYPTED);
    assert!(error.is_malformed());
    assert_eq!(
        error.to_string(),
        "server private key: no private key in it: the key is encrypted; decrypt it first"
    );
}

#[test]
fn swapped_arguments_are_named_as_such() {
    let error = server_error(SERVER_KEY, SERVER);
    assert_eq!(
        error.to_string(),
        "server certificate: no certificate in it, but a private key"
    );
    let error = server_error(SERVER, SERVER);
    assert_eq!(
        error.to_string(),
        "server private key: no private key in it, but a certificate"
    );
}

#[test]
fn what_is_no_pem_is_named_as_such() {
    let text = |pem: &[u8]| ClientTls::ca_pem(pem).unwrap_err().to_string();
    assert_eq!(
        text(b" \n"),
        "CA certificates: no certificate in it: it is empty"
    );
    assert_eq!(
        text(&der(CA)),
        "CA certificates: no certificate in it: it looks like DER; PEM is wanted"
    );
    assert_eq!(text(b"hello"), "CA certificates: no certificate in it");
    let cut = &CA[..CA.len() - 30];
    assert_eq!(
        text(cut.as_bytes()),
        "CA certificates: a section has no END line, so there is no certificate"
    );
    let broken = CA.replacen("MI", "M!", 1);
    assert_eq!(
        text(broken.as_bytes()),
        "CA certificates: a section is not base64, so there is no certificate"
    );
}

#[test]
fn an_authority_that_cannot_be_read_is_named_by_its_place() {
    let broken = format!("{CA}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let error = ClientTls::ca_pem(broken).unwrap_err().to_string();
    assert!(
        error.starts_with("CA certificates: certificate 2 cannot be an authority: "),
        "{error}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = ServerTls::from_pem_files("/no/such/cert.pem", "/no/such/key.pem").unwrap_err();
    assert!(error.is_unreadable());
    assert!(
        error.to_string().starts_with("/no/such/cert.pem: "),
        "{error}"
    );
    let error = strict_server().client_ca("/no/such/ca.pem").unwrap_err();
    assert!(
        error.to_string().starts_with("/no/such/ca.pem: "),
        "{error}"
    );
}

#[test]
fn files_do_what_bytes_do() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata");
    let file = |name: &str| format!("{folder}/{name}");
    let server = ServerTls::from_pem_files(file("server.pem"), file("server.key")).unwrap();
    server
        .client_ca(file("ca.pem"))
        .unwrap()
        .acceptor()
        .unwrap();
    let client = ClientTls::ca_pem_file(file("ca.pem"))
        .unwrap()
        .add_ca_pem_file(file("other-ca.pem"))
        .unwrap();
    client
        .identity_pem_files(file("client.pem"), file("client.key"))
        .unwrap()
        .connector()
        .unwrap();
}

#[test]
fn client_auth_needs_a_client_ca() {
    let error = server()
        .client_auth(ClientAuth::Optional)
        .acceptor()
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "TLS: client certificates are asked for, but there is no client CA to trust"
    );
}

#[test]
fn settings_that_a_rustls_configuration_would_ignore_are_refused() {
    let own = || ClientTls::from_rustls(raw_client(&[], &[&TLS13]));
    assert!(own().add_ca_pem(CA).is_err());
    assert!(own().identity_pem(CLIENT, CLIENT_KEY).is_err());
    assert!(own().server_name("localhost").unwrap().connector().is_ok());
    let own = || ServerTls::from_rustls(raw_server(&[], &[&TLS13]));
    assert!(own().client_ca_pem(CA).is_err());
    assert!(own().client_auth(ClientAuth::Required).acceptor().is_err());
    assert!(own().acceptor().is_ok());
}

#[test]
fn a_server_name_that_is_none_is_refused() {
    let error = client().server_name("a b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "server name: \"a b\" is neither a DNS name nor an IP address"
    );
}

#[test]
fn debug_output_shows_no_keys() {
    let text = format!("{:?} {:?}", known_client(), strict_server());
    assert_eq!(
        text,
        "ClientTls { system_roots: false, authorities: 1, identity: true, server_name: None } \
         ServerTls { client_authorities: 1, client_auth: None }"
    );
}

/// Runs in a process of its own, with its own environment: see the next test.
#[test]
#[ignore = "started by system_roots_come_from_where_the_system_says"]
fn system_roots() {
    match ClientTls::system_roots().connector() {
        Ok(_) => println!("roots found"),
        Err(error) => println!("error: {error}"),
    }
}

#[test]
fn system_roots_come_from_where_the_system_says() {
    let run = |file: &str| {
        let name = concat!(module_path!(), "::system_roots")
            .split_once("::")
            .unwrap()
            .1;
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", name, "--nocapture"]);
        child.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
        String::from_utf8_lossy(&child.output().unwrap().stdout).into_owned()
    };
    let text = run(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/tls/testdata/ca.pem"
    ));
    assert!(text.contains("roots found"), "{text}");
    let text = run("/no/such/file.pem");
    assert!(
        text.contains("error: system roots: the system has no trusted certificates"),
        "{text}"
    );
}
