//! What is to be done for one request of the runner.

use super::cancel::Cancel;
use crate::{
    headers,
    pb::{ClientCompatRequest, Codec, Compression, HttpVersion, Protocol, StreamType},
};
use farcall::{
    Encoding, Request,
    client::{BidiCall, ClientStreamingCall, ServerStreamingCall, UnaryCall},
    prost_types::Any,
};
use prost::{Message, Name};
use std::time::Duration;

const SERVICE: &str = "connectrpc.conformance.v1.ConformanceService";

/// Why a call cannot be made.
#[derive(Debug)]
pub(super) struct Unusable(pub(super) String);

/// A call to make.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    request: &'a ClientCompatRequest,
    pub(super) method: &'a str,
    pub(super) cancel: Cancel,
    encoding: Encoding,
}

impl<'a> Plan<'a> {
    /// Refuses what this client cannot do, so that nothing is silently done otherwise.
    pub(super) fn of(request: &'a ClientCompatRequest) -> Result<Plan<'a>, Unusable> {
        let unusable = |what: &str| Err(Unusable(format!("this client cannot do {what}")));
        if request.service() != SERVICE {
            return unusable(&format!("the service {:?}", request.service()));
        }
        if request.protocol() != Protocol::Grpc {
            return unusable(request.protocol().as_str_name());
        }
        if request.http_version() != HttpVersion::HttpVersion2 {
            return unusable(request.http_version().as_str_name());
        }
        if request.codec() != Codec::Proto {
            return unusable(request.codec().as_str_name());
        }
        if request.raw_request.is_some() {
            return unusable("raw requests");
        }
        let encoding = match Compression::try_from(request.compression) {
            Ok(Compression::Unspecified | Compression::Identity) => Encoding::Identity,
            Ok(Compression::Gzip) => Encoding::Gzip,
            Ok(Compression::Zstd) => Encoding::Zstd,
            Ok(Compression::Deflate) => Encoding::Deflate,
            Ok(Compression::Snappy) => Encoding::Snappy,
            Ok(Compression::Br) | Err(_) => {
                return unusable(&format!("compression {}", request.compression));
            }
        };
        Ok(Plan {
            request,
            method: request.method(),
            cancel: Cancel::of(request.cancel.as_ref()),
            encoding,
        })
    }

    /// Whether each request waits for its response.
    pub(super) fn is_full_duplex(&self) -> bool {
        self.request.stream_type() == StreamType::FullDuplexBidiStream
    }

    /// The only request, with its metadata.
    pub(super) fn only_message<T: Message + Name + Default>(&self) -> Result<Request<T>, Unusable> {
        let [message] = self.request.request_messages.as_slice() else {
            let count = self.request.request_messages.len();
            return Err(Unusable(format!(
                "{} takes one request, not {count}",
                self.method
            )));
        };
        Ok(Request::new(unpack(message)?))
    }

    /// All requests.
    pub(super) fn messages<T: Message + Name + Default>(&self) -> Result<Vec<T>, Unusable> {
        self.request.request_messages.iter().map(unpack).collect()
    }

    /// Waits before a request of a stream.
    pub(super) async fn pause(&self) {
        if self.request.request_delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.request.request_delay_ms.into())).await;
        }
    }
}

/// A call of any kind that takes what the plan says.
pub(super) trait Planned: Sized {
    /// Sets metadata, timeout, compression and the largest message.
    fn planned(self, plan: &Plan<'_>) -> Self;
}

macro_rules! planned {
    ($($call:ident),*) => {$(
        impl<Req, Res> Planned for $call<Req, Res>
        where
            Req: Message + Default + 'static,
            Res: Message + Default + 'static,
        {
            fn planned(self, plan: &Plan<'_>) -> Self {
                let request = plan.request;
                let mut call = self.compress(plan.encoding);
                for (name, value) in headers::pairs(&request.request_headers) {
                    call = call.metadata(name, value);
                }
                if let Some(millis) = request.timeout_ms {
                    call = call.timeout(Duration::from_millis(millis.into()));
                }
                if request.message_receive_limit > 0 {
                    call = call.max_receive_message_size(request.message_receive_limit as usize);
                }
                call
            }
        }
    )*};
}

planned!(
    UnaryCall,
    ServerStreamingCall,
    ClientStreamingCall,
    BidiCall
);

/// The message, if it is of the type that the method takes.
fn unpack<T: Message + Name + Default>(any: &Any) -> Result<T, Unusable> {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    if name != T::full_name() {
        return Err(Unusable(format!(
            "the method takes {}, not {name}",
            T::full_name()
        )));
    }
    T::decode(any.value.as_slice())
        .map_err(|error| Unusable(format!("a request cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{UnaryRequest, UnimplementedRequest};

    fn request() -> ClientCompatRequest {
        let mut request = ClientCompatRequest {
            service: Some(SERVICE.to_owned()),
            method: Some("Unary".to_owned()),
            ..ClientCompatRequest::default()
        };
        request.set_protocol(Protocol::Grpc);
        request.set_http_version(HttpVersion::HttpVersion2);
        request.set_codec(Codec::Proto);
        request
    }

    #[test]
    fn what_this_client_does_not_speak_is_refused() {
        assert!(Plan::of(&request()).is_ok());
        let changes: [fn(&mut ClientCompatRequest); 6] = [
            |request| request.service = Some("other.Service".to_owned()),
            |request| request.set_protocol(Protocol::GrpcWeb),
            |request| request.set_http_version(HttpVersion::HttpVersion1),
            |request| request.set_codec(Codec::Json),
            |request| request.compression = 3,
            |request| request.raw_request = Some(bytes::Bytes::new()),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut request = request();
            change(&mut request);
            assert!(Plan::of(&request).is_err(), "change {index}");
        }
    }

    #[test]
    fn a_method_with_one_request_takes_exactly_one_of_its_type() {
        let mut request = request();
        assert!(
            Plan::of(&request)
                .unwrap()
                .only_message::<UnaryRequest>()
                .is_err()
        );
        let message = UnaryRequest {
            request_data: bytes::Bytes::from_static(b"abc"),
            ..UnaryRequest::default()
        };
        let any = Any {
            type_url: UnaryRequest::type_url(),
            value: message.encode_to_vec(),
        };
        request.request_messages.push(any.clone());
        let plan = Plan::of(&request).unwrap();
        assert_eq!(
            plan.only_message::<UnaryRequest>().unwrap().into_inner(),
            message
        );
        assert!(plan.only_message::<UnimplementedRequest>().is_err());
        request.request_messages.push(any);
        assert!(
            Plan::of(&request)
                .unwrap()
                .only_message::<UnaryRequest>()
                .is_err()
        );
    }

    /// Raw responses travel through this client to the runner's server.
    #[test]
    fn a_definition_keeps_its_raw_response() {
        let wire = b"\x0a\x08\x2a\x06\x08\xc8\x01\x32\x01\x78";
        assert_eq!(
            UnaryRequest::decode(&wire[..]).unwrap().encode_to_vec(),
            wire
        );
    }
}
