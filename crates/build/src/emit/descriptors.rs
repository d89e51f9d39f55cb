//! The module of a service's method descriptors.

use super::{
    apart,
    layout::{Page, Shape},
    wrapped,
};
use crate::{
    config::Config,
    model::{Method, Service},
};

pub(super) fn write(page: &mut Page, service: &Service, config: &Config) {
    page.gap();
    page.line(&format!(
        "/// The methods of `{}`: paths, kinds, types.",
        service.full_name
    ));
    page.open(&format!("pub mod {}", service.names.module));
    let foreign = &config.foreign;
    let (requests, responses) = match (config.client, config.server) {
        (true, _) => (&None, &foreign.responses),
        (false, _) => (&foreign.requests, &None),
    };
    for method in &service.methods {
        let types = [
            wrapped(requests, method.input.inside()),
            wrapped(responses, method.output.inside()),
        ];
        descriptor(page, method, types, config);
    }
    if apart(config) {
        page.gap();
        page.line("/// The same as servers see them.");
        page.open("pub mod served");
        for method in &service.methods {
            let types = [
                wrapped(&foreign.requests, method.input.deeper()),
                method.output.deeper().into(),
            ];
            descriptor(page, method, types, config);
        }
        page.close();
    }
    page.close();
}

fn descriptor(page: &mut Page, method: &Method, types: [Shape; 2], config: &Config) {
    let runtime = &config.runtime;
    let (kind, variant) = match (method.client_streams, method.server_streams) {
        (false, false) => ("unary", "Unary"),
        (true, false) => ("client_streaming", "ClientStreaming"),
        (false, true) => ("server_streaming", "ServerStreaming"),
        (true, true) => ("bidi", "Bidi"),
    };
    let codec = config.foreign.codec.as_deref();
    let types = types.into_iter().chain(codec.map(Shape::from)).collect();
    let shape = Shape::generic(format!("{runtime}::Method"), types);
    let value = match codec {
        None => format!("{runtime}::Method::{kind}({:?})", method.path),
        Some(codec) => format!(
            "{runtime}::Method::with_codec({:?}, {runtime}::MethodKind::{variant}, {codec})",
            method.path
        ),
    };
    page.line(&format!("/// `{}`", method.path));
    page.binding(&format!("pub static {}", method.constant), &shape, &value);
}
