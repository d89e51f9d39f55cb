//! From the model to text.

mod client;
mod descriptors;
mod layout;
mod server;
mod tree;

pub(crate) use tree::Tree;

use crate::{config::Config, model::Service};
use layout::Page;

/// The code of one service, as it stands in the module of its package.
pub(crate) fn service(config: &Config, service: &Service) -> String {
    let mut page = Page::default();
    if config.server {
        server::write(
            &mut page,
            service,
            &config.runtime,
            config.embed_descriptors,
        );
    }
    if config.client {
        client::write(&mut page, service, &config.runtime);
    }
    descriptors::write(&mut page, service, &config.runtime);
    page.text
}
