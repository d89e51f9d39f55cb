//! Files that change while a server serves, or a channel calls.

use super::{super::testdata::*, *};
use std::{path::PathBuf, time::Duration};

/// The files of a server; gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("farcall-reload-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let folder = Folder(path);
        folder.write("server.pem", SERVER);
        folder.write("server.key", SERVER_KEY);
        folder.write("ca.pem", OTHER_CA);
        folder.write("client.pem", STRANGER);
        folder.write("client.key", STRANGER_KEY);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn tls(&self) -> ServerTls {
        ServerTls::from_pem_files(self.path("server.pem"), self.path("server.key")).unwrap()
    }

    /// A certificate of the other authority's, with its key.
    fn renew(&self) {
        self.write("server.pem", STRANGER);
        self.write("server.key", STRANGER_KEY);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Whether the server's certificate is that of the first authority, or of the other one.
async fn is_renewed(server: &ServerTls) -> bool {
    let trusts = async |authority: &str| {
        let client = ClientTls::ca_pem(authority).unwrap();
        shake(&client, "localhost", server).await.0.is_ok()
    };
    let (old, new) = (trusts(CA).await, trusts(OTHER_CA).await);
    assert_ne!(old, new);
    new
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_replaced_is_shown_when_the_interval_is_over() {
    let folder = Folder::new("interval");
    let tls = folder.tls().reload_every(Duration::from_secs(30));
    assert!(!is_renewed(&tls).await);
    folder.renew();
    pass(29).await;
    assert!(!is_renewed(&tls).await);
    pass(2).await;
    assert!(is_renewed(&tls).await);
}

#[tokio::test(start_paused = true)]
async fn files_are_looked_at_once_a_minute_unless_something_else_was_said() {
    let folder = Folder::new("minute");
    let (tls, never) = (folder.tls(), folder.tls().reload_every(Duration::MAX));
    assert!(!is_renewed(&tls).await && !is_renewed(&never).await);
    folder.renew();
    pass(61).await;
    assert!(is_renewed(&tls).await && !is_renewed(&never).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_stays_in_use_until_the_files_belong_together() {
    let folder = Folder::new("halves");
    let tls = folder.tls();
    assert!(!is_renewed(&tls).await);
    folder.write("server.pem", STRANGER);
    pass(61).await;
    assert!(!is_renewed(&tls).await);
    assert!(
        tls.reload()
            .unwrap_err()
            .to_string()
            .contains("does not belong")
    );
    folder.write("server.key", "nothing");
    pass(61).await;
    assert!(!is_renewed(&tls).await);
    std::fs::remove_file(folder.path("server.key")).unwrap();
    pass(61).await;
    assert!(!is_renewed(&tls).await);
    folder.write("server.key", STRANGER_KEY);
    pass(61).await;
    assert!(is_renewed(&tls).await);
}

#[tokio::test]
async fn a_reload_by_hand_is_heard_by_all_clones() {
    let folder = Folder::new("hand");
    let tls = folder.tls();
    let clone = tls.clone();
    assert!(!is_renewed(&clone).await);
    folder.renew();
    assert!(!is_renewed(&clone).await);
    tls.reload().unwrap();
    assert!(is_renewed(&clone).await);
}

#[tokio::test]
async fn authorities_of_clients_are_read_again_too() {
    let folder = Folder::new("authorities");
    let tls = folder.tls().client_ca(folder.path("ca.pem")).unwrap();
    let (_, refused) = shake(&known_client(), "localhost", &tls).await;
    assert!(refused.is_err());
    folder.write("ca.pem", CA);
    tls.reload().unwrap();
    let (_, accepted) = shake(&known_client(), "localhost", &tls).await;
    assert!(accepted.is_ok());
}

#[tokio::test]
async fn what_came_from_memory_has_nothing_to_reload() {
    let tls = strict_server();
    tls.reload().unwrap();
    let (_, accepted) = shake(&known_client(), "localhost", &tls).await;
    assert!(accepted.is_ok());
}

/// Trusts and shows what is in the folder; the other authority's until it is [`Folder::admit`]ted.
fn client_of(folder: &Folder) -> ClientTls {
    let identity = (folder.path("client.pem"), folder.path("client.key"));
    let tls = ClientTls::ca_pem_file(folder.path("ca.pem")).unwrap();
    tls.identity_pem_files(identity.0, identity.1).unwrap()
}

/// Whether the client's handshake succeeds, and whether the server's does.
async fn passes(client: &ClientTls) -> (bool, bool) {
    let (near, far) = shake(client, "localhost", &strict_server()).await;
    (near.is_ok(), far.is_ok())
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_authorities_and_identity_again_when_the_interval_is_over() {
    let folder = Folder::new("client-interval");
    let tls = client_of(&folder);
    let (slow, never) = (
        tls.clone().reload_every(Duration::from_secs(90)),
        tls.clone().reload_every(Duration::MAX),
    );
    for client in [&tls, &slow, &never] {
        assert_eq!(passes(client).await, (false, false));
    }
    folder.write("ca.pem", CA);
    pass(61).await;
    // The server is trusted now, and does not trust the client yet.
    assert_eq!(passes(&tls).await, (true, false));
    assert_eq!(passes(&slow).await, (false, false));
    folder.write("client.pem", CLIENT);
    folder.write("client.key", CLIENT_KEY);
    assert_eq!(passes(&tls).await, (true, false));
    pass(61).await;
    assert_eq!(passes(&tls).await, (true, true));
    assert_eq!(passes(&slow).await, (true, true));
    assert_eq!(passes(&never).await, (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_client_keeps_what_it_read_before_until_the_files_belong_together() {
    let folder = Folder::new("client-halves");
    folder.write("ca.pem", CA);
    let tls = client_of(&folder);
    assert_eq!(passes(&tls).await, (true, false));
    folder.write("client.pem", CLIENT);
    pass(61).await;
    assert_eq!(passes(&tls).await, (true, false));
    assert!(tls.reload().unwrap_err().is_mismatch());
    std::fs::remove_file(folder.path("client.key")).unwrap();
    pass(61).await;
    assert_eq!(passes(&tls).await, (true, false));
    assert!(tls.reload().unwrap_err().is_unreadable());
    folder.write("client.key", CLIENT_KEY);
    pass(61).await;
    assert_eq!(passes(&tls).await, (true, true));
}

#[tokio::test]
async fn a_reload_by_hand_is_heard_by_all_clones_of_a_client_also_under_another_name() {
    let folder = Folder::new("client-hand");
    let tls = client_of(&folder);
    let named = tls.clone().server_name("localhost").unwrap();
    assert_eq!(passes(&named).await, (false, false));
    folder.write("ca.pem", CA);
    assert_eq!(passes(&named).await, (false, false));
    tls.reload().unwrap();
    assert_eq!(passes(&named).await, (true, false));
}

#[tokio::test]
async fn sessions_of_an_authority_that_was_taken_out_are_not_resumed_by_a_client() {
    let folder = Folder::new("client-sessions");
    folder.write("ca.pem", CA);
    let (tls, server) = (client_of(&folder), server());
    let once = async |kind: HandshakeKind| {
        let (near, far) = shake(&tls, "localhost", &server).await;
        let (mut near, mut far) = (near.unwrap().0, far.unwrap().0);
        // Tickets come behind the handshake (RFC 8446 §4.6.1).
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        assert_eq!(near.get_ref().1.handshake_kind(), Some(kind));
    };
    once(HandshakeKind::Full).await;
    once(HandshakeKind::Resumed).await;
    tls.reload().unwrap();
    once(HandshakeKind::Full).await;
    folder.write("ca.pem", OTHER_CA);
    tls.reload().unwrap();
    assert!(refusal(&tls, "localhost", &server).await.is_untrusted());
}
