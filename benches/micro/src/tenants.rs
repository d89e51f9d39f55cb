//! Interceptors as services have them, for a pair of metadata and for counting how calls end; and the same done by hand.

use farcall::{
    Metadata, Request, Response, Sender, Status, Streaming,
    interceptor::{Begin, End, Immediate},
};
use farcall_bench::{
    Service,
    pb::{BenchmarkService, SimpleRequest, SimpleResponse},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Adds the tenant to the calls of a client.
#[derive(Default)]
pub(crate) struct AddTenant {
    ends: Ends,
}

impl Immediate for AddTenant {
    type State = ();

    fn begin(&self, call: &mut Begin<'_>) -> Result<(), Status> {
        call.metadata_mut().insert("tenant", "blue");
        Ok(())
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        self.ends.count(end.status());
    }
}

/// Lets calls of tenants into a server.
#[derive(Default)]
pub(crate) struct TenantsOnly {
    ends: Ends,
}

impl Immediate for TenantsOnly {
    type State = ();

    fn begin(&self, call: &mut Begin<'_>) -> Result<(), Status> {
        check(call.metadata())
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        self.ends.count(end.status());
    }
}

fn check(metadata: &Metadata) -> Result<(), Status> {
    match metadata.get("tenant") {
        Some("blue") => Ok(()),
        _ => Err(Status::permission_denied("tenants only")),
    }
}

/// How calls have ended.
#[derive(Default)]
pub(crate) struct Ends {
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Ends {
    pub(crate) const fn new() -> Ends {
        Ends {
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self, status: Option<&Status>) {
        let counter = match status {
            None => &self.ok,
            Some(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A handler that does itself what [`TenantsOnly`] does.
pub(crate) struct ByHand {
    service: Service,
    ends: Ends,
}

impl ByHand {
    pub(crate) fn new(service: Service) -> ByHand {
        let ends = Ends::new();
        ByHand { service, ends }
    }
}

impl BenchmarkService for ByHand {
    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        check(request.metadata())?;
        let result = self.service.unary_call(request).await;
        self.ends.count(result.as_ref().err());
        result
    }

    async fn streaming_call(
        &self,
        requests: Request<Streaming<SimpleRequest>>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        self.service.streaming_call(requests, replies).await
    }

    async fn streaming_from_server(
        &self,
        request: Request<SimpleRequest>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        self.service.streaming_from_server(request, replies).await
    }
}
