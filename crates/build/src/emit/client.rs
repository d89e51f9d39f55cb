//! The type through which a client calls.

use super::{
    layout::{Page, Shape},
    wrapped,
};
use crate::{
    config::Config,
    model::{Method, Service},
};

pub(super) fn write(page: &mut Page, service: &Service, config: &Config) {
    let runtime = &config.runtime;
    let client = &service.names.client;
    page.gap();
    page.line(&format!("/// Calls `{}`.", service.full_name));
    if !service.docs.is_empty() {
        page.line("///");
        page.docs(&service.docs);
    }
    if service.deprecated {
        page.line("#[deprecated]");
    }
    page.line("#[derive(Clone, Debug)]");
    page.line(&format!("pub struct {client}({runtime}::Channel);"));
    page.gap();
    page.open(&format!("impl {client}"));
    page.line("/// Calls go through `channel`.");
    page.open(&format!(
        "pub fn new(channel: impl ::core::convert::Into<{runtime}::Channel>) -> Self"
    ));
    page.line("Self(::core::convert::Into::into(channel))");
    page.close();
    for method in &service.methods {
        page.gap();
        call(page, service, method, config);
    }
    page.close();
}

fn call(page: &mut Page, service: &Service, method: &Method, config: &Config) {
    let runtime = &config.runtime;
    if method.docs.is_empty() {
        page.line(&format!("/// Calls `{}`.", method.path));
    }
    page.docs(&method.docs);
    if method.deprecated {
        page.line("#[deprecated]");
    }
    let input = method.input.here();
    let output = wrapped(&config.foreign.responses, method.output.here());
    let kind = match (method.client_streams, method.server_streams) {
        (false, false) => "UnaryCall",
        (true, false) => "ClientStreamingCall",
        (false, true) => "ServerStreamingCall",
        (true, true) => "BidiCall",
    };
    let descriptor = format!("&{}::{}", service.names.module, method.constant);
    let mut params = vec!["&self".to_owned()];
    let mut args = vec!["&self.0", descriptor.as_str()];
    if !method.client_streams {
        params.push(format!("request: impl {runtime}::IntoRequest<{input}>"));
        args.push("request");
    }
    let kind = format!("{runtime}::client::{kind}");
    let codec = config.foreign.codec.as_deref().map(Shape::from);
    let types = [input.into(), output].into_iter().chain(codec).collect();
    let result = Shape::generic(kind.as_str(), types);
    page.function(&format!("pub fn {}", method.name), &params, &result);
    page.call(&format!("{kind}::new"), &args, "");
    page.close();
}
