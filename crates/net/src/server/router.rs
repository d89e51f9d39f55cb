//! From a path to a method.

use super::{
    earned::Earned,
    handler::{Interceptors, Route},
    lifecycle::{Lifecycle, ServiceInfo},
    method_limits::{Load, MethodLimits},
    overload::{Gate, Gates},
    service::{Companion, Entry, Service},
    timeouts::Timeouts,
};
use crate::{
    call::{Encoding, Limits, intercept::Chain},
    clock,
};
use farcall_core::Status;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Every method of a server, immutable once it serves.
#[derive(Default)]
pub(crate) struct Router {
    routes: HashMap<String, Arc<Route>>,
    names: HashSet<&'static str>,
    services: Vec<ServiceInfo>,
    lifecycles: Vec<Arc<dyn Lifecycle>>,
    /// What is wrong with the registrations.
    problems: Vec<String>,
    /// For all other paths.
    unknown: Option<Arc<Route>>,
}

impl Router {
    pub(crate) fn add<S: Service>(&mut self, service: &S) {
        self.register(Companion::of(service));
    }

    fn register(&mut self, service: Companion) {
        let name = service.name;
        if !self.names.insert(name) {
            let problem = format!("service {name} was added twice");
            self.problems.push(problem);
            return;
        }
        let mut descriptors = Vec::with_capacity(service.methods.list.len());
        for entry in service.methods.list {
            let path = entry.descriptor.path().to_owned();
            let (kind, registered) = (entry.descriptor.kind(), entry.registered);
            if kind != registered {
                let problem =
                    format!("method {path} is {kind:?}, but was registered as {registered:?}");
                self.problems.push(problem);
            }
            descriptors.push(entry.descriptor.clone());
            let mut route = route(entry, false);
            route.operational = service.operational;
            if self.routes.insert(path.clone(), Arc::new(route)).is_some() {
                let problem = format!("method {path} was registered twice");
                self.problems.push(problem);
            }
        }
        let info = ServiceInfo::new(name, descriptors, service.file_descriptor_set);
        self.services.push(info);
        self.lifecycles.extend(service.lifecycle);
        for mut companion in service.methods.companions {
            companion.operational |= service.operational;
            self.register(companion);
        }
    }

    /// What answers calls of other paths.
    pub(crate) fn answer_unknown(&mut self, entry: Entry) {
        self.unknown = Some(Arc::new(route(entry, true)));
    }

    /// Every service, in the order in which they were added.
    pub(crate) fn services(&self) -> &[ServiceInfo] {
        &self.services
    }

    /// What wants to know how the server lives.
    pub(crate) fn lifecycles(&self) -> &[Arc<dyn Lifecycle>] {
        &self.lifecycles
    }

    /// What is wrong with the registrations, for the error of `bind`.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Marks every route of methods named `path`; false: there is none.
    pub(crate) fn run_to_completion(&mut self, path: &str) -> bool {
        match self.routes.get_mut(path).and_then(Arc::get_mut) {
            Some(route) => {
                route.run_to_completion = true;
                true
            }
            None => false,
        }
    }

    /// Says how the responses of a method are compressed, or of a service, if `path` ends with a slash. False: there is none.
    pub(crate) fn compress(&mut self, path: &str, encoding: Encoding) -> bool {
        self.each_at(path, |route| route.compression = Some(encoding))
    }

    /// Says what all methods have as limits, and those of some paths, as [`compress`](Self::compress) takes them.
    ///
    /// # Errors
    /// A path at which there is nothing.
    pub(crate) fn limit(
        &mut self,
        (limits, load): (Limits, &Load),
        of_methods: &[(String, MethodLimits)],
    ) -> Result<(), String> {
        let server = load.overload.as_ref().map(Gate::new);
        for route in self.all() {
            route.limits = limits;
            route.timeouts = load.timeouts;
        }
        for (path, _) in of_methods.iter().filter(|(_, own)| own.is_operational()) {
            self.each_at(path, |route| route.operational = true);
        }
        for route in self.all() {
            route.gates = Gates::of(route.counted_by(server.as_ref()), None);
        }
        for (path, own) in of_methods {
            let gate = own.of_overload().map(Gate::new);
            let found = self.each_at(path, |route| {
                route.limits = own.sizes(route.limits);
                route.timeouts = own.timeouts(route.timeouts);
                if gate.is_some() {
                    route.gates = Gates::of(route.counted_by(server.as_ref()), gate.as_ref());
                }
            });
            if !found {
                return Err(path.clone());
            }
        }
        Ok(())
    }

    /// The error of a setting for a path at which there is nothing, with one that may be meant.
    #[cold]
    pub(crate) fn nothing_at(&self, setting: &str, path: &str) -> String {
        let mut text = format!("{setting}: nothing that was added is at {path}");
        let bare = path.trim_matches('/');
        let (method, service) = (format!("/{bare}"), format!("/{bare}/"));
        let meant = match self.routes.contains_key(&method) {
            true => Some(method),
            false => Some(service).filter(|s| self.routes.keys().any(|path| path.starts_with(s))),
        };
        if let Some(meant) = meant.filter(|meant| meant != path) {
            text.push_str(&format!(" (is it {meant}?)"));
        }
        text
    }

    /// Changes the method at a path, or those of a service, if it ends with a slash. False: there is none.
    fn each_at(&mut self, path: &str, mut change: impl FnMut(&mut Route)) -> bool {
        let routes = self
            .routes
            .iter_mut()
            .filter(|(method, _)| match path.ends_with('/') {
                true => method.starts_with(path),
                false => *method == path,
            });
        let mut found = false;
        for route in routes.filter_map(|(_, route)| Arc::get_mut(route)) {
            change(route);
            found = true;
        }
        found
    }

    /// Every method, and what stands for the others.
    fn all(&mut self) -> impl Iterator<Item = &mut Route> {
        let known = self.routes.values_mut().chain(&mut self.unknown);
        known.filter_map(Arc::get_mut)
    }

    /// Marks every method.
    pub(crate) fn all_run_to_completion(&mut self) {
        for route in self.all() {
            route.run_to_completion = true;
        }
    }

    /// Puts the server's interceptors around those of its services.
    pub(crate) fn surround(&mut self, interceptors: &Chain) {
        if interceptors.is_empty() {
            return;
        }
        for route in self.all() {
            let mut chain = interceptors.clone();
            if let Some(own) = &route.interceptors {
                chain.extend(&own.chain);
            }
            let around = Interceptors::new(chain, route.method(), &route.handler);
            route.interceptors = Some(around);
        }
    }

    /// The method of `path`.
    ///
    /// # Errors
    /// `UNIMPLEMENTED`, saying whether the path, the service or the method is unknown.
    pub(crate) fn find(&self, path: &[u8]) -> Result<Arc<Route>, Status> {
        let path = std::str::from_utf8(path)
            .map_err(|_| Status::unimplemented("malformed method name"))?;
        if let Some(route) = self.routes.get(path) {
            return Ok(Arc::clone(route));
        }
        let split = path
            .strip_prefix('/')
            .and_then(|rest| rest.rsplit_once('/'));
        if let (Some(_), Some(unknown)) = (split, &self.unknown) {
            return Ok(Arc::clone(unknown));
        }
        let message = match split {
            None => format!("malformed method name \"{}\"", path.escape_default()),
            Some((service, method)) if self.names.contains(service) => {
                format!(
                    "unknown method {} for service {service}",
                    method.escape_default()
                )
            }
            Some((service, _)) => format!("unknown service {}", service.escape_default()),
        };
        Err(Status::unimplemented(message))
    }
}

/// With the defaults, until [`Router::limit`] says what holds.
fn route(entry: Entry, unknown: bool) -> Route {
    let Entry {
        descriptor,
        registered,
        handler,
        interceptors,
    } = entry;
    let method = (&descriptor, registered);
    let interceptors =
        (!interceptors.is_empty()).then(|| Interceptors::new(interceptors, method, &handler));
    Route {
        descriptor,
        registered,
        handler,
        interceptors,
        compression: None,
        run_to_completion: false,
        earned: Earned::new(clock::now()),
        limits: DEFAULT_LIMITS,
        timeouts: Timeouts::default(),
        gates: None,
        operational: false,
        unknown,
    }
}

/// The default limits of one message: 4 MiB received, 2^31−1 bytes sent (as grpc-go).
pub(crate) const DEFAULT_LIMITS: Limits = Limits {
    receive: 4 << 20,
    send: i32::MAX as usize,
};

#[cfg(test)]
mod tests;
