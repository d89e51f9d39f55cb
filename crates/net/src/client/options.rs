//! What a caller can say about one call.

use super::attempts::PerAttempt;
use crate::call::{Extensions, Knobs, intercept::Chain};
use farcall_core::{Metadata, Status};
use farcall_lb::Authority;

/// The options of one call.
#[derive(Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) knobs: Knobs,
    /// What most calls do not have.
    pub(crate) extras: Option<Box<Extras>>,
}

/// What concerns a call's interceptors.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) chain: Chain,
    pub(crate) extensions: Extensions,
    pub(crate) per_attempt: PerAttempt,
}

impl CallOptions {
    /// Those of a call that starts with a request.
    pub(crate) fn of_request(metadata: Metadata, extensions: Extensions) -> CallOptions {
        let extras = (!extensions.is_empty()).then(|| {
            Box::new(Extras {
                extensions,
                ..Extras::default()
            })
        });
        CallOptions {
            knobs: Knobs {
                metadata,
                ..Knobs::default()
            },
            extras,
        }
    }

    pub(crate) fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// The name that a call is to be made to.
///
/// # Errors
/// INTERNAL: it is none.
pub(crate) fn authority(name: String) -> Result<Authority, Status> {
    let named = Authority::new(name);
    named.map_err(|error| Status::internal(format!("the option authority: {error}")))
}

/// The setters that all four kinds of call have.
macro_rules! call_options {
    () => {
        /// The call must be over within `timeout`, counted from its start: connecting, sending, the server's work
        /// and receiving. The server is told. `DEADLINE_EXCEEDED` otherwise. Default: none, that of the service config, or
        /// that of the call being handled; the earliest counts.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options.knobs.timeout = Some(timeout);
            self
        }

        /// As [`timeout`](Self::timeout), as a point in time. The earlier of the two counts.
        pub fn deadline(mut self, deadline: std::time::Instant) -> Self {
            self.options.knobs.deadline = Some(deadline);
            self
        }

        /// Adds metadata. An invalid key or value makes the call fail with `INTERNAL`, naming it.
        pub fn metadata(
            mut self,
            key: impl farcall_core::metadata::IntoKey,
            value: impl farcall_core::metadata::IntoValue,
        ) -> Self {
            self.options.knobs.metadata.append(key, value);
            self
        }

        /// Adds all of `metadata`: in a proxy, what its own caller has sent.
        pub fn all_metadata(mut self, metadata: &farcall_core::Metadata) -> Self {
            self.options.knobs.metadata.extend(metadata);
            self
        }

        /// Waits for a connection until the deadline instead of failing with `UNAVAILABLE` while there is none.
        /// Default: what the service config says, else off.
        pub fn wait_for_ready(mut self) -> Self {
            self.options.knobs.wait_for_ready = Some(true);
            self
        }

        /// Fails with `UNAVAILABLE` while there is no connection, even if the service config says that calls of this
        /// method wait for one.
        pub fn fail_fast(mut self) -> Self {
            self.options.knobs.wait_for_ready = Some(false);
            self
        }

        /// Compresses what this call sends. Default: the channel's choice.
        pub fn compress(mut self, encoding: crate::Encoding) -> Self {
            self.options.knobs.rarely().encoding = Some(encoding);
            self
        }

        /// Largest message that this call accepts, in bytes, after decompression; `RESOURCE_EXHAUSTED` beyond it.
        /// Default: the channel's, 4 MiB.
        pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
            self.options.knobs.rarely().max_receive = Some(bytes);
            self
        }

        /// Largest message that this call sends, in bytes; `RESOURCE_EXHAUSTED` beyond it. Default: the channel's,
        /// 2^31−1.
        pub fn max_send_message_size(mut self, bytes: usize) -> Self {
            self.options.knobs.rarely().max_send = Some(bytes);
            self
        }

        /// How long an attempt of this call may take until its response begins, counted from when it goes out on a connection.
        /// One that takes longer is cancelled and, if the service config has a retry policy for the method, retried as the
        /// policy allows; else the call ends with `DEADLINE_EXCEEDED`. Default: the channel's, none.
        pub fn attempt_timeout(mut self, timeout: std::time::Duration) -> Self {
            let timeout = timeout.min(crate::clock::FOREVER);
            self.options
                .knobs
                .rarely()
                .retry
                .get_or_insert_default()
                .attempt_timeout = Some(timeout);
            self
        }

        /// Bytes of request messages that are kept at most, so that they can be sent again (gRFC A6); once this call has sent
        /// more, no attempt follows the one it has then. Default: the channel's, 256 KiB.
        pub fn max_retry_buffer_size(mut self, bytes: usize) -> Self {
            self.options
                .knobs
                .rarely()
                .retry
                .get_or_insert_default()
                .buffer = Some(bytes);
            self
        }

        /// Asks the backend as the server of this name, `host` or `host:port`: the call's `:authority`, in place of the channel's
        /// and of that of the backend's address. Over TLS the backend's certificate must be valid for the name, or the call fails with
        /// `UNAVAILABLE` without being sent; the handshake is not repeated. A text that is no authority makes the call fail with
        /// `INTERNAL`. Credentials are asked for a token for the channel's authority as before.
        pub fn authority(mut self, authority: impl Into<String>) -> Self {
            self.options.knobs.rarely().authority =
                Some(super::options::authority(authority.into()));
            self
        }

        /// Puts an interceptor around this call, inside of those of the channel and of those that were put before. See
        /// [`Interceptor`](crate::interceptor::Interceptor).
        pub fn interceptor<K>(
            mut self,
            interceptor: impl crate::interceptor::IntoInterceptor<K>,
        ) -> Self {
            self.options.extras().chain.push(interceptor);
            self
        }

        /// Asks an interceptor before and behind each attempt of this call, behind those of the channel. See
        /// [`AttemptInterceptor`](crate::interceptor::AttemptInterceptor).
        pub fn attempt_interceptor(
            mut self,
            interceptor: impl crate::interceptor::AttemptInterceptor,
        ) -> Self {
            self.options
                .extras()
                .per_attempt
                .interceptors
                .push(interceptor);
            self
        }

        /// Proves on whose behalf the call is made, in addition to the credentials of the channel. Over a connection that does not
        /// protect them as they need, the call fails with `UNAUTHENTICATED` before anything is sent. See
        /// [`CallCredentials`](crate::credentials::CallCredentials).
        pub fn credentials(
            mut self,
            credentials: impl crate::credentials::CallCredentials,
        ) -> Self {
            self.options
                .extras()
                .per_attempt
                .credentials
                .push(credentials);
            self
        }

        /// Tells the call's interceptors something ([`Call::extensions`](crate::interceptor::Call::extensions)); it is not
        /// sent. One value of each type.
        pub fn extension(mut self, value: impl Send + Sync + 'static) -> Self {
            self.options.extras().extensions.insert(value);
            self
        }
    };
}
pub(crate) use call_options;
