//! Interceptors as services have them: a pair of metadata, and who counts how calls end.

use farcall::{
    Status,
    interceptor::{Begin, End, Immediate},
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
        self.ends.count(end);
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
        match call.metadata().get("tenant") {
            Some("blue") => Ok(()),
            _ => Err(Status::permission_denied("tenants only")),
        }
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        self.ends.count(end);
    }
}

#[derive(Default)]
struct Ends {
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Ends {
    fn count(&self, end: &End<'_>) {
        let counter = match end.status() {
            None => &self.ok,
            Some(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
