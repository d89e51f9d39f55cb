//! From descriptors to services.

use super::{
    names::Taken,
    service::{Method, Service},
    types::Types,
};
use crate::{descriptor::Files, docs::markdown, names};
use prost_types::{FileDescriptorProto, MethodDescriptorProto};

/// The services of each file, in the order of `files`.
pub(crate) fn services(files: &Files, types: &Types) -> Vec<Vec<Service>> {
    let mut taken = Taken::by_messages(files);
    files
        .iter()
        .map(|file| services_of(file, types, &mut taken))
        .collect()
}

fn services_of(file: &FileDescriptorProto, types: &Types, taken: &mut Taken) -> Vec<Service> {
    let package = file.package();
    let modules = names::modules(package);
    let dot = if package.is_empty() { "" } else { "." };
    let mut services = Vec::new();
    for (index, service) in file.service.iter().enumerate() {
        let full_name = format!("{package}{dot}{}", service.name());
        let path = [6, index as i32];
        let methods = service.method.iter().enumerate().map(|(number, method)| {
            let docs = markdown(&Files::comment(file, &[path[0], path[1], 2, number as i32]));
            build_method(method, docs, &full_name, package, types)
        });
        let methods = methods.collect();
        services.push(Service {
            names: taken.choose(&modules, service.name()),
            depth: modules.len(),
            docs: markdown(&Files::comment(file, &path)),
            deprecated: service
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            methods,
            full_name,
        });
    }
    services
}

fn build_method(
    method: &MethodDescriptorProto,
    docs: Vec<String>,
    service: &str,
    package: &str,
    types: &Types,
) -> Method {
    Method {
        name: names::function(method.name()),
        constant: names::shouty(method.name()),
        path: format!("/{service}/{}", method.name()),
        input: types.resolve(method.input_type(), package),
        output: types.resolve(method.output_type(), package),
        client_streams: method.client_streaming(),
        server_streams: method.server_streaming(),
        docs,
        deprecated: method
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated()),
    }
}
