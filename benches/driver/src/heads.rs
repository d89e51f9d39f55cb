//! The header lists that all calls share.

use crate::setup::{Handler, Load};
use farcall_http2::{Field, Fields, KnownName};
use std::sync::{Arc, LazyLock};

/// What a server is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Unary(Handler),
    PingPong,
    Stream,
}

const METHODS: [(Method, &str); 5] = [
    (Method::Unary(Handler::Echo), "/driver.Experiment/Echo"),
    (Method::Unary(Handler::Sleep), "/driver.Experiment/Sleep"),
    (Method::Unary(Handler::Coop), "/driver.Experiment/Coop"),
    (Method::PingPong, "/driver.Experiment/PingPong"),
    (Method::Stream, "/driver.Experiment/Stream"),
];

impl Method {
    /// What the callers of a load ask for.
    pub(crate) fn of(load: Load, handler: Handler) -> Method {
        match load {
            Load::Unary | Load::TwoConnections | Load::SlowReader => Method::Unary(handler),
            Load::PingPong => Method::PingPong,
            Load::Stream => Method::Stream,
        }
    }

    pub(crate) fn of_path(path: &[u8]) -> Option<Method> {
        let known = METHODS.iter().find(|(_, known)| known.as_bytes() == path)?;
        Some(known.0)
    }

    /// The request's header list: the same one for all callers, so that it is encoded once for a connection.
    pub(crate) fn head(self) -> &'static Arc<Fields> {
        static HEADS: LazyLock<[Arc<Fields>; 5]> =
            LazyLock::new(|| METHODS.map(|(_, path)| Arc::new(request(path))));
        let index = METHODS.iter().position(|(method, _)| *method == self);
        &HEADS[index.expect("the table has every method")]
    }
}

fn request(path: &'static str) -> Fields {
    vec![
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, path),
        Field::new(KnownName::Authority, "localhost"),
        Field::new(KnownName::ContentType, "application/grpc"),
        Field::new(KnownName::Te, "trailers"),
        Field::new(KnownName::UserAgent, "farcall-driver-experiment"),
    ]
}

/// Every response's first list.
pub(crate) static RESPONSE: LazyLock<Arc<Fields>> = LazyLock::new(|| {
    Arc::new(vec![
        Field::new(KnownName::Status, "200"),
        Field::new(KnownName::ContentType, "application/grpc"),
    ])
});

/// Every response's last list.
pub(crate) static TRAILERS: LazyLock<Arc<Fields>> =
    LazyLock::new(|| Arc::new(vec![Field::new(KnownName::GrpcStatus, "0")]));
