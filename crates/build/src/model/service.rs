//! A service and its methods.

use super::types::Type;

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    /// `package.Service`.
    pub(crate) full_name: String,
    pub(crate) names: Names,
    /// How many modules the service stands below the root.
    pub(crate) depth: usize,
    /// Markdown, by line.
    pub(crate) docs: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) methods: Vec<Method>,
}

/// What the items of a service are called. None of them is the name of a message beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Names {
    pub(crate) service: String,
    pub(crate) client: String,
    pub(crate) server: String,
    /// The module of the method descriptors.
    pub(crate) module: String,
}

/// A method.
#[derive(Debug)]
pub(crate) struct Method {
    /// The function.
    pub(crate) name: String,
    /// The static.
    pub(crate) constant: String,
    /// `/package.Service/Method`.
    pub(crate) path: String,
    pub(crate) input: Type,
    pub(crate) output: Type,
    pub(crate) client_streams: bool,
    pub(crate) server_streams: bool,
    pub(crate) docs: Vec<String>,
    pub(crate) deprecated: bool,
}
