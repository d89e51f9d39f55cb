//! The module of a service's method descriptors.

use super::layout::{Page, Shape};
use crate::model::Service;

pub(super) fn write(page: &mut Page, service: &Service, runtime: &str) {
    page.gap();
    page.line(&format!(
        "/// The methods of `{}`: paths, kinds, types.",
        service.full_name
    ));
    page.open(&format!("pub mod {}", service.names.module));
    for method in &service.methods {
        let kind = match (method.client_streams, method.server_streams) {
            (false, false) => "unary",
            (true, false) => "client_streaming",
            (false, true) => "server_streaming",
            (true, true) => "bidi",
        };
        let shape = Shape::generic(
            format!("{runtime}::Method"),
            vec![method.input.inside().into(), method.output.inside().into()],
        );
        let value = format!("{runtime}::Method::{kind}({:?})", method.path);
        page.line(&format!("/// `{}`", method.path));
        page.binding(&format!("pub static {}", method.constant), &shape, &value);
    }
    page.close();
}
