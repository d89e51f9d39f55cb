//! What services learn of the server that they were added to.

use farcall_net::{
    Server,
    server::{Lifecycle, Methods, Service, ServiceInfo},
};
use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Diary {
    entries: Arc<Mutex<Vec<String>>>,
    refuses: bool,
    /// Never finishes telling others that the server is about to end.
    dawdles: bool,
}

impl Diary {
    fn write(&self, entry: impl Into<String>) {
        self.entries.lock().unwrap().push(entry.into());
    }

    fn entries(&self) -> Vec<String> {
        self.entries.lock().unwrap().clone()
    }
}

impl Lifecycle for Diary {
    fn on_start(&self, services: &[ServiceInfo]) -> Result<(), Box<dyn Error + Send + Sync>> {
        for service in services {
            self.write(service.name());
        }
        match self.refuses {
            true => Err("not here".into()),
            false => Ok(()),
        }
    }

    fn on_lame_duck(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.write("lame duck");
        match self.dawdles {
            true => Box::pin(std::future::pending()),
            false => Box::pin(std::future::ready(())),
        }
    }

    fn on_drain(&self) {
        self.write("drain");
    }
}

impl Service for Diary {
    const NAME: &'static str = "t.Diary";

    fn methods(&self, methods: &mut Methods) {
        methods.companion(&Other);
    }

    fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
        Some(Arc::new(self.clone()))
    }
}

struct Other;

impl Service for Other {
    const NAME: &'static str = "t.Other";

    fn methods(&self, _: &mut Methods) {}
}

#[tokio::test(start_paused = true)]
async fn a_service_learns_of_its_companions_the_lame_duck_and_the_drain_in_this_order() {
    let diary = Diary::default();
    let server = Server::builder()
        .add_service(diary.clone())
        .lame_duck(Duration::from_secs(7));
    let server = server.unbound().unwrap();
    assert_eq!(diary.entries(), ["t.Diary", "t.Other"]);
    let start = Instant::now();
    server.shut_down(Duration::ZERO).await;
    assert_eq!(diary.entries()[2..], ["lame duck", "drain"]);
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_dawdles_holds_up_the_drain_for_a_quarter_of_a_second_and_not_the_lame_duck()
{
    for (lame_duck, total) in [(0, 250), (100, 250), (400, 400)] {
        let diary = Diary {
            dawdles: true,
            ..Diary::default()
        };
        let server = Server::builder()
            .add_service(diary)
            .lame_duck(Duration::from_millis(lame_duck));
        let server = server.unbound().unwrap();
        let start = Instant::now();
        server.shut_down(Duration::ZERO).await;
        let late = start.elapsed() - Duration::from_millis(total);
        assert!(late <= Duration::from_millis(1), "{lame_duck}: {late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_of_a_mounted_server_learns_of_the_drain_after_the_lame_duck() {
    let diary = Diary::default();
    let server = Server::builder()
        .add_service(diary.clone())
        .lame_duck(Duration::from_secs(7));
    let service = server.into_service().unwrap();
    let start = Instant::now();
    service.lame_duck().await;
    assert_eq!(diary.entries()[2..], ["lame duck", "drain"]);
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test]
async fn a_service_that_refuses_the_server_is_an_error_of_bind() {
    let diary = Diary {
        refuses: true,
        ..Diary::default()
    };
    let server = Server::builder().add_service(diary);
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.is_config());
    assert_eq!(error.source().unwrap().to_string(), "not here");
}

#[tokio::test]
async fn a_companion_that_was_also_added_by_itself_was_added_twice() {
    let server = Server::builder()
        .add_service(Diary::default())
        .add_service(Other);
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(
        error.to_string().contains("t.Other was added twice"),
        "{error}"
    );
}
