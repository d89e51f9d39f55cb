//! What the items of a service are called when messages have taken the obvious names.

use super::service::Names;
use crate::{
    descriptor::Files,
    names::{camel, camel_stem, modules, snake},
};
use std::collections::{HashMap, HashSet};

/// The names in the modules of all packages.
#[derive(Default)]
pub(super) struct Taken {
    packages: HashMap<Vec<String>, Scope>,
}

#[derive(Default)]
struct Scope {
    types: HashSet<String>,
    modules: HashSet<String>,
}

impl Taken {
    /// The names of messages, enums, and modules.
    pub(super) fn by_messages(files: &Files) -> Taken {
        let mut taken = Taken::default();
        for file in files.iter() {
            let path = modules(file.package());
            for depth in 0..path.len() {
                taken
                    .scope(&path[..depth])
                    .modules
                    .insert(path[depth].clone());
            }
            let scope = taken.scope(&path);
            for message in &file.message_type {
                scope.types.insert(camel(message.name()));
                scope.modules.insert(snake(message.name()));
            }
            scope.types.extend(
                file.enum_type
                    .iter()
                    .map(|enumeration| camel(enumeration.name())),
            );
        }
        taken
    }

    /// Chooses names for a service. The first of `X`, `XService`, `XService2` and so on that leaves the trait, the client
    /// and the server their own names.
    pub(super) fn choose(&mut self, path: &[String], service: &str) -> Names {
        let scope = self.scope(path);
        let stem = camel_stem(service);
        let names = suffixes("Service")
            .map(|suffix| format!("{stem}{suffix}"))
            .map(|stem| {
                [
                    camel(&stem),
                    format!("{stem}Client"),
                    format!("{stem}Server"),
                ]
            })
            .find(|names| names.iter().all(|name| !scope.types.contains(name)));
        let [service_name, client, server] = names.expect("there are more numbers than names");
        let module = suffixes("_service")
            .map(|suffix| {
                if suffix.is_empty() {
                    snake(service)
                } else {
                    format!("{}{suffix}", snake(service).trim_start_matches("r#"))
                }
            })
            .find(|module| !scope.modules.contains(module))
            .expect("there are more numbers than names");
        scope
            .types
            .extend([service_name.clone(), client.clone(), server.clone()]);
        scope.modules.insert(module.clone());
        Names {
            service: service_name,
            client,
            server,
            module,
        }
    }

    fn scope(&mut self, path: &[String]) -> &mut Scope {
        self.packages.entry(path.to_vec()).or_default()
    }
}

fn suffixes(word: &str) -> impl Iterator<Item = String> {
    ["".to_owned(), word.to_owned()]
        .into_iter()
        .chain((2..).map(move |number: u64| format!("{word}{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_gives_way_to_messages_and_to_services_before_it() {
        let mut taken = Taken::default();
        taken.scope(&[]).types.insert("GreeterClient".into());
        taken.scope(&[]).modules.insert("greeter".into());
        let first = taken.choose(&[], "Greeter");
        assert_eq!(
            (&*first.service, &*first.client),
            ("GreeterService", "GreeterServiceClient")
        );
        assert_eq!(
            (&*first.server, &*first.module),
            ("GreeterServiceServer", "greeter_service")
        );
        let second = taken.choose(&[], "GreeterService");
        assert_eq!(
            (&*second.service, &*second.module),
            ("GreeterServiceService", "greeter_service_service")
        );
    }

    #[test]
    fn keywords_get_escaped_where_they_stand_alone() {
        let names = Taken::default().choose(&[], "self");
        assert_eq!(
            (&*names.service, &*names.client, &*names.module),
            ("Self_", "SelfClient", "self_")
        );
        assert_eq!(Taken::default().choose(&[], "Type").module, "r#type");
    }
}
