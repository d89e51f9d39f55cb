//! From the model to text.

mod client;
mod descriptors;
mod layout;
mod server;
mod tree;

pub(crate) use tree::Tree;

use crate::{config::Config, model::Service};
use layout::{Page, Shape};

/// The code of one service, as it stands in the module of its package.
pub(crate) fn service(config: &Config, service: &Service) -> String {
    let mut page = Page::default();
    if config.server {
        server::write(&mut page, service, config);
    }
    if config.client {
        client::write(&mut page, service, config);
    }
    descriptors::write(&mut page, service, config);
    page.text
}

/// A message, or what stands for it.
fn wrapped(wrapper: &Option<String>, message: impl Into<Shape>) -> Shape {
    match wrapper {
        Some(path) => Shape::generic(path.as_str(), vec![message.into()]),
        None => message.into(),
    }
}

/// Whether servers and clients see methods with other types.
fn apart(config: &Config) -> bool {
    let foreign = &config.foreign;
    config.server && config.client && (foreign.requests.is_some() || foreign.responses.is_some())
}
