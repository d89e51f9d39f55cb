//! The trait that a server implements, and the type that the server takes.

use super::{
    layout::{Page, Shape},
    wrapped,
};
use crate::{
    config::Config,
    model::{Method, Service},
};

pub(super) fn write(page: &mut Page, service: &Service, config: &Config) {
    contract(page, service, config);
    wrapper(page, service);
    registration(page, service, config);
}

/// `pub trait X { … }`
fn contract(page: &mut Page, service: &Service, config: &Config) {
    let runtime = &config.runtime;
    let name = &service.names.service;
    page.gap();
    if service.docs.is_empty() {
        page.line(&format!("/// Service `{}`.", service.full_name));
    }
    page.docs(&service.docs);
    deprecated(page, service.deprecated);
    page.open(&format!(
        "pub trait {name}: ::core::marker::Send + ::core::marker::Sync + 'static"
    ));
    for method in &service.methods {
        page.gap();
        if method.docs.is_empty() {
            page.line(&format!("/// Answers `{}`.", method.path));
        }
        page.docs(&method.docs);
        deprecated(page, method.deprecated);
        let (params, result) = signature(method, config);
        page.function(&format!("fn {}", method.name), &params, &result);
        let path = format!("{}::{}.path()", service.names.module, method.constant);
        let ignored = match (method.client_streams, method.server_streams) {
            (false, false) => "request",
            (false, true) => "(request, replies)",
            (true, false) => "requests",
            (true, true) => "(requests, replies)",
        };
        page.call(
            &format!("{runtime}::server::unimplemented"),
            &[&path, ignored],
            "",
        );
        page.close();
    }
    page.close();
}

/// Parameters and result of a method of the trait.
fn signature(method: &Method, config: &Config) -> (Vec<String>, Shape) {
    let (runtime, output) = (&config.runtime, method.output.here());
    let input = wrapped(&config.foreign.requests, method.input.here()).flat();
    let request = match method.client_streams {
        true => format!("requests: {runtime}::Request<{runtime}::Streaming<{input}>>"),
        false => format!("request: {runtime}::Request<{input}>"),
    };
    let mut params = vec!["&self".to_owned(), request];
    let mut answer = Shape::generic(format!("{runtime}::Response"), vec![output.into()]);
    if method.server_streams {
        params.push(format!("replies: &mut {runtime}::Sender<{output}>"));
        answer = "()".into();
    }
    let status = Shape::from(format!("{runtime}::Status"));
    let result = Shape::generic("Output = ::core::result::Result", vec![answer, status]);
    let future = Shape::Generic {
        head: "impl ::core::future::Future".into(),
        args: vec![result],
        tail: " + ::core::marker::Send",
    };
    (params, future)
}

/// `pub struct XServer<S>(Arc<S>);` and how to make one.
fn wrapper(page: &mut Page, service: &Service) {
    let (server, generic) = (&service.names.server, generic(service));
    page.gap();
    page.line(&format!(
        "/// Serves `{}` with an implementation of [`{}`].",
        service.full_name, service.names.service
    ));
    deprecated(page, service.deprecated);
    page.line(&format!(
        "pub struct {server}<{generic}>(::std::sync::Arc<{generic}>);"
    ));
    page.gap();
    page.open(&format!("impl<{generic}> {server}<{generic}>"));
    page.line("/// Serves with `service`.");
    page.open(&format!("pub fn new(service: {generic}) -> Self"));
    page.line("Self(::std::sync::Arc::new(service))");
    page.close();
    page.gap();
    page.line("/// Serves with an implementation that others use too.");
    page.open(&format!(
        "pub fn from_arc(service: ::std::sync::Arc<{generic}>) -> Self"
    ));
    page.line("Self(service)");
    page.close();
    page.close();
    page.gap();
    page.open(&format!(
        "impl<{generic}> ::core::clone::Clone for {server}<{generic}>"
    ));
    page.open("fn clone(&self) -> Self");
    page.line("Self(::std::sync::Arc::clone(&self.0))");
    page.close();
    page.close();
}

/// `impl Service for XServer<S> { … }`
fn registration(page: &mut Page, service: &Service, config: &Config) {
    let (runtime, names, generic) = (&config.runtime, &service.names, generic(service));
    page.gap();
    page.open(&format!(
        "impl<{generic}: {}> {runtime}::server::Service for {}<{generic}>",
        names.service, names.server
    ));
    page.line(&format!(
        "const NAME: &'static str = {:?};",
        service.full_name
    ));
    // Then the root has it.
    if config.embed_descriptors {
        let root = "super::".repeat(service.depth);
        page.binding(
            "const FILE_DESCRIPTOR_SET",
            &"&'static [u8]".into(),
            &format!("{root}FILE_DESCRIPTOR_SET"),
        );
    }
    page.gap();
    page.open(&format!(
        "fn methods(&self, methods: &mut {runtime}::server::Methods)"
    ));
    if service.methods.is_empty() {
        page.line("let _ = methods;");
    }
    for method in &service.methods {
        // A handler that sends many messages gives the sender back.
        let (kind, params) = match (method.client_streams, method.server_streams) {
            (false, false) => ("unary", "s, r"),
            (true, false) => ("client_streaming", "s, r"),
            (false, true) => ("server_streaming", "s, r, mut w"),
            (true, true) => ("bidi", "s, r, mut w"),
        };
        let (body, long) = match method.server_streams {
            false => (
                format!("{generic}::{}(&s, r).await", method.name),
                String::new(),
            ),
            true => {
                let call = format!("{generic}::{}(&s, r, &mut w).await", method.name);
                (format!("({call}, w)"), format!("let result = {call};"))
            }
        };
        let lines = if method.server_streams {
            vec![long.as_str(), "(result, w)"]
        } else {
            vec![body.as_str()]
        };
        let apart = if super::apart(config) { "served::" } else { "" };
        let descriptor = format!("&{}::{apart}{}", names.module, method.constant);
        page.call_with_block(
            &format!("methods.{kind}"),
            &[&descriptor, "&self.0"],
            params,
            &body,
            &lines,
        );
    }
    page.close();
    page.close();
}

/// The type parameter, which may not be the name of the trait.
fn generic(service: &Service) -> &'static str {
    if service.names.service == "S" {
        "T"
    } else {
        "S"
    }
}

fn deprecated(page: &mut Page, yes: bool) {
    if yes {
        page.line("#[deprecated]");
    }
}
