//! The server in axum's router.

use super::HttpService;
use crate::server::{ServeError, Server};
use axum::Router;
use std::collections::BTreeSet;

impl Server {
    /// This server as routes of axum's, one for each service (`/package.Service/{method}`), to be merged with others on the same port. See
    /// [`into_service`](Server::into_service) for what is the HTTP server's business then. Paths of services that were not added are left to the
    /// other routes.
    ///
    /// # Errors
    /// As [`into_service`](Server::into_service).
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Result<Router<S>, ServeError> {
        Ok(self.into_service()?.router())
    }
}

impl HttpService {
    /// The routes, see [`Server::into_router`].
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let services = self.shared().router.services().iter();
        let paths =
            services.flat_map(|service| service.methods().iter().map(|method| method.path()));
        let names = paths.filter_map(|path| Some(path.rsplit_once('/')?.0));
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().fold(Router::new(), |router, name| {
            router.route_service(&format!("{name}/{{method}}"), self.clone())
        })
    }
}
