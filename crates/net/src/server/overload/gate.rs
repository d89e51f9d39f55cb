//! Counts the calls of a server that are being handled, and lets no more in than the limit.

use super::{Limit, Overload, gradient::Gradient};
use crate::clock;
use farcall_core::{Metadata, Status};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// See the module.
pub(crate) struct Gate {
    handled: AtomicUsize,
    limit: AtomicUsize,
    gradient: Option<Mutex<Gradient>>,
    status: Status,
}

/// A call that was let in; dropped when its handler is gone.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    /// The method, and when the call was let in: with an adaptive limit.
    since: Option<(usize, Instant)>,
    /// That of the gate behind this one.
    _inner: Option<Box<Permit>>,
}

/// The gates in front of a method: that of the server, then its own or that of its service.
pub(crate) struct Gates {
    outer: Arc<Gate>,
    inner: Option<Arc<Gate>>,
}

impl Gates {
    /// `None`: there are none.
    pub(crate) fn of(server: Option<&Arc<Gate>>, own: Option<&Arc<Gate>>) -> Option<Gates> {
        let (outer, inner) = match (server, own) {
            (Some(server), own) => (server, own.cloned()),
            (None, own) => (own?, None),
        };
        Some(Gates {
            outer: Arc::clone(outer),
            inner,
        })
    }

    /// As [`Gate::enter`], through all of them.
    pub(crate) fn enter(&self, method: usize) -> Result<Permit, Status> {
        let mut permit = self.outer.enter(method)?;
        if let Some(inner) = &self.inner {
            match inner.enter(method) {
                Ok(inner) => permit._inner = Some(Box::new(inner)),
                Err(status) => {
                    // A call that was not handled says nothing of how long that takes.
                    permit.since = None;
                    return Err(status);
                }
            }
        }
        Ok(permit)
    }
}

impl Gate {
    pub(crate) fn new(overload: &Overload) -> Arc<Gate> {
        let (limit, gradient) = match overload.limit {
            Limit::Fixed(calls) => (calls, None),
            Limit::Adaptive { min, max } => {
                let gradient = Gradient::new(clock::now(), min, max);
                (min, Some(Mutex::new(gradient)))
            }
        };
        let text = "the server has more calls than it can handle";
        let mut status = Status::new(overload.code, text);
        if let Some(pause) = overload.pushback {
            let mut metadata = Metadata::new();
            metadata.insert("grpc-retry-pushback-ms", pause.as_millis().to_string());
            *status.metadata_mut() = metadata;
        }
        Arc::new(Gate {
            handled: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            gradient,
            status,
        })
    }

    /// Lets a call of a method in, which is told from others by `method`.
    ///
    /// # Errors
    /// What it ends with if there are too many.
    pub(crate) fn enter(self: &Arc<Self>, method: usize) -> Result<Permit, Status> {
        let before = self.handled.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit.load(Ordering::Relaxed) {
            self.handled.fetch_sub(1, Ordering::Relaxed);
            return Err(self.status.clone());
        }
        let since = self.gradient.as_ref().map(|_| (method, clock::now()));
        let gate = Arc::clone(self);
        Ok(Permit {
            gate,
            since,
            _inner: None,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let handled = self.gate.handled.fetch_sub(1, Ordering::Relaxed);
        if let (Some(gradient), Some((method, since))) = (&self.gate.gradient, self.since) {
            let now = clock::now();
            let latency = now.saturating_duration_since(since);
            let mut gradient = gradient.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(limit) = gradient.record(now, method, latency, handled) {
                self.gate.limit.store(limit, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farcall_core::Code;
    use std::time::Duration;

    #[test]
    fn a_fixed_gate_lets_so_many_in_and_refuses_with_what_was_said() {
        let overload = Overload::fixed(2).code(Code::ResourceExhausted);
        let gate = Gate::new(&overload.pushback(Duration::from_millis(250)));
        let one = gate.enter(1).ok().unwrap();
        let _two = gate.enter(1).ok().unwrap();
        for _ in 0..3 {
            let status = gate.enter(1).err().unwrap();
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert_eq!(status.metadata().get("grpc-retry-pushback-ms"), Some("250"));
        }
        drop(one);
        assert!(gate.enter(1).is_ok());
    }

    #[test]
    fn a_call_passes_the_gate_of_the_server_and_that_of_its_method() {
        let (wide, narrow) = (
            Gate::new(&Overload::fixed(3)),
            Gate::new(&Overload::fixed(1)),
        );
        let gates = Gates::of(Some(&wide), Some(&narrow)).unwrap();
        let one = gates.enter(1).ok().unwrap();
        assert!(gates.enter(1).is_err());
        // What the inner one refused has no place at the outer one either.
        let _others = [wide.enter(2), wide.enter(2)].map(|permit| permit.ok().unwrap());
        assert!(wide.enter(2).is_err());
        drop(one);
        assert!(gates.enter(1).is_ok());
    }
}
