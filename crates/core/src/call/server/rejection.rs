//! Answers to requests that no handler gets to see.

use crate::{
    call::content_type,
    message::Compressors,
    status::{Status, write_status},
};
use bytes::Bytes;
use farcall_http2::{Field, Fields, KnownName, Name};

/// The immediate answer to a request: one header list with the status in it, and for requests that are not gRPC's
/// a body of one line.
///
/// gRPC clients understand the header list alone as trailers. A peer that did not speak gRPC gets `text/plain`, where a
/// person or a proxy will look; the status stands in the headers there too.
///
/// ```
/// use farcall_core::{Compressors, call::server::RequestHead};
/// use farcall_http2::Headers;
///
/// let get = Headers { method: Some("GET".into()), path: Some("/".into()), ..Headers::default() };
/// let rejection = RequestHead::parse(&get, &Compressors::none()).unwrap_err();
/// assert_eq!(rejection.http_status(), 405);
/// assert!(rejection.body().unwrap().ends_with(b"\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    http_status: u16,
    status: Status,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A status for a gRPC client.
    Grpc,
    /// A status for a gRPC client that used an unknown compression.
    Encoding(Compressors),
    /// Text for something else; without a body if it asked with HEAD.
    Text { body: bool },
}

impl Rejection {
    /// An answer for a gRPC client: HTTP status 200, `status` in the only header list.
    pub fn new(status: Status) -> Rejection {
        Rejection {
            http_status: 200,
            status,
            kind: Kind::Grpc,
        }
    }

    pub(super) fn bad_request(status: Status) -> Rejection {
        Rejection {
            http_status: 400,
            status,
            kind: Kind::Grpc,
        }
    }

    pub(super) fn encoding(status: Status, known: Compressors) -> Rejection {
        Rejection {
            http_status: 200,
            status,
            kind: Kind::Encoding(known),
        }
    }

    pub(super) fn text(http_status: u16, status: Status, body: bool) -> Rejection {
        Rejection {
            http_status,
            status,
            kind: Kind::Text { body },
        }
    }

    /// The value of `:status`.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// What a gRPC client reports.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The header list; it ends the stream if there is no [`body`](Self::body).
    pub fn head(&self) -> Fields {
        let mut fields = Fields::with_capacity(8);
        fields.push(Field::new(KnownName::Status, self.http_status.to_string()));
        let media_type = match self.kind {
            Kind::Text { .. } => Bytes::from_static(b"text/plain; charset=utf-8"),
            Kind::Grpc | Kind::Encoding(_) => content_type(""),
        };
        fields.push(Field::new(KnownName::ContentType, media_type));
        if self.http_status == 405 {
            // RFC 9110 §15.5.6
            fields.push(Field::new(
                Name::from_static("allow"),
                Bytes::from_static(b"POST"),
            ));
        }
        if let Kind::Encoding(known) = &self.kind {
            let names = known
                .accept_encoding()
                .cloned()
                .unwrap_or(Bytes::from_static(b"identity"));
            fields.push(Field::new(KnownName::GrpcAcceptEncoding, names));
        }
        write_status(&self.status, &mut fields);
        fields
    }

    /// The body, which ends the stream.
    pub fn body(&self) -> Option<Bytes> {
        match self.kind {
            Kind::Text { body: true } => Some(format!("{}\n", self.status.message()).into()),
            _ => None,
        }
    }
}
