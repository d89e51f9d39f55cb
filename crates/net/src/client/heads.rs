//! What the calls of a method share: request header lists, which HTTP/2 encodes once per connection, and what the service
//! config says about them.

use super::plans::Configuration;
use crate::call::Encoding;
use arc_swap::ArcSwap;
use bytes::Bytes;
use farcall_core::{
    Compressors, MethodDescriptor,
    call::client::{RequestTemplate, common_headers, pseudo_headers},
    retry::RetryPlan,
    service_config::MethodConfig,
};
use farcall_http2::Fields;
use std::{ops::RangeInclusive, sync::Arc};

/// Methods whose lists are kept; those of further ones (made-up paths) are built for each call.
const MAX_METHODS: usize = 1024;
/// Places of what is found by the address of a method's path: so many at first, and so many at most.
const PLACES: RangeInclusive<usize> = 4..=32;

/// See the module.
pub(crate) struct Heads {
    authority: Bytes,
    secure: bool,
    user_agent: Bytes,
    accepted: Compressors,
    methods: ArcSwap<Methods>,
    common: ArcSwap<Vec<Common>>,
}

/// The methods that have been called, all under one config, so that a call looks for both at once.
#[derive(Clone, Default)]
struct Methods {
    /// `None` until the resolver has answered.
    config: Option<Arc<Configuration>>,
    /// Sorted by path.
    known: Vec<(Bytes, Known)>,
    /// The same by the address of the path, each in the place that the address names: calls of the same few methods,
    /// as programs make them, look nothing up by its content. A power of two; two in one place double it. When it has
    /// all its places, the first one in a place stays there.
    quick: Vec<Option<Arc<Quick>>>,
}

struct Quick {
    /// Held, so that its address is not that of another path.
    path: Bytes,
    content_subtype: &'static str,
    encoding: Encoding,
    start: Start,
}

#[derive(Clone)]
struct Known {
    pseudo: Arc<Fields>,
    config: Option<Arc<MethodConfig>>,
    plan: Option<Arc<RetryPlan>>,
}

/// What a call starts with.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) template: RequestTemplate,
    pub(crate) config: StartConfig,
    /// What is to be done about failed attempts, if anything is and it is known.
    pub(crate) plan: Option<Arc<RetryPlan>>,
}

/// What is known of a method's config when a call starts.
#[derive(Clone)]
pub(crate) enum StartConfig {
    /// There is none.
    None,
    Known(Arc<MethodConfig>),
    /// Not before it is picked for: the resolver has not answered yet, or each call has its own.
    Awaited,
}

#[derive(Clone)]
struct Common {
    content_subtype: &'static str,
    encoding: Encoding,
    fields: Arc<Fields>,
}

impl Heads {
    pub(crate) fn new(
        authority: Bytes,
        secure: bool,
        user_agent: Bytes,
        accepted: Compressors,
    ) -> Heads {
        let (methods, common) = (ArcSwap::default(), ArcSwap::default());
        Heads {
            authority,
            secure,
            user_agent,
            accepted,
            methods,
            common,
        }
    }

    /// What a call of the method starts with.
    pub(crate) fn start(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        encoding: Encoding,
    ) -> Start {
        let methods = self.methods.load();
        if let Some(start) = methods.quick(method.path_octets(), content_subtype, encoding) {
            return start.clone();
        }
        self.look_up(method, content_subtype, encoding, &methods)
    }

    #[cold]
    fn look_up(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        encoding: Encoding,
        methods: &Methods,
    ) -> Start {
        let common = self.common(content_subtype, encoding);
        let path = &method.path_bytes();
        let known = match methods.known(path) {
            Some(known) => known.clone(),
            None => self.learn(method, methods),
        };
        if methods.has_place(path) {
            self.methods.rcu(|methods| {
                let mut methods = Methods::clone(methods);
                let Some(known) = methods.known(path).cloned() else {
                    return methods;
                };
                let quick = Quick {
                    path: path.clone(),
                    content_subtype,
                    encoding,
                    start: methods.start(known, Arc::clone(&common)),
                };
                methods.place(Arc::new(quick));
                methods
            });
        }
        methods.start(known, common)
    }

    /// The service config of the calls that start from now on.
    pub(crate) fn configure(&self, config: &Arc<Configuration>) {
        self.methods.rcu(|methods| {
            let mut methods = Methods::clone(methods);
            methods.config = Some(Arc::clone(config));
            methods.quick.clear();
            for (path, known) in &mut methods.known {
                let path = std::str::from_utf8(path).unwrap_or_default();
                known.config = config.method(path).cloned();
                known.plan = config.plan(known.config.as_deref());
            }
            methods
        });
    }

    #[cold]
    fn learn(&self, method: &MethodDescriptor, methods: &Methods) -> Known {
        let pseudo = pseudo_headers(method, self.authority.clone(), self.secure);
        let known = |configuration: &Option<Arc<Configuration>>| {
            let all = configuration.as_ref();
            let config = all.and_then(|all| all.method(method.path()).cloned());
            Known {
                pseudo: Arc::clone(&pseudo),
                plan: all.and_then(|all| all.plan(config.as_deref())),
                config,
            }
        };
        if methods.known.len() < MAX_METHODS {
            self.methods.rcu(|methods| {
                let mut methods = Methods::clone(methods);
                let known = known(&methods.config);
                let path = method.path_bytes();
                if let Err(at) = methods.position(&path) {
                    methods.known.reserve_exact(1);
                    methods.known.insert(at, (path, known));
                }
                methods
            });
        }
        known(&methods.config)
    }

    fn common(&self, content_subtype: &'static str, encoding: Encoding) -> Arc<Fields> {
        let known = self.common.load();
        let matching = |common: &&Common| {
            common.encoding == encoding && common.content_subtype == content_subtype
        };
        if let Some(common) = known.iter().find(matching) {
            return Arc::clone(&common.fields);
        }
        let name = (encoding != Encoding::Identity).then(|| encoding.name());
        let fields = common_headers(
            content_subtype,
            self.user_agent.clone(),
            name,
            &self.accepted,
        );
        self.common.rcu(|known| {
            let common = Common {
                content_subtype,
                encoding,
                fields: Arc::clone(&fields),
            };
            // Not `push`, which would make room for four.
            known.iter().cloned().chain([common]).collect::<Vec<_>>()
        });
        fields
    }
}

impl Methods {
    fn position(&self, path: &[u8]) -> Result<usize, usize> {
        self.known
            .binary_search_by(|(known, _)| known[..].cmp(path))
    }

    fn known(&self, path: &[u8]) -> Option<&Known> {
        let at = self.position(path).ok()?;
        self.known.get(at).map(|(_, known)| known)
    }

    /// Whether the path could be found by its address.
    fn has_place(&self, path: &[u8]) -> bool {
        match self.quick.get(place(path, self.quick.len())) {
            None | Some(None) => true,
            // The same path with another codec or encoding has no place of its own.
            Some(Some(taken)) => {
                taken.path.as_ptr() != path.as_ptr() && self.quick.len() < *PLACES.end()
            }
        }
    }

    /// Gives it a place, unless another one has it.
    fn place(&mut self, quick: Arc<Quick>) {
        if self.quick.is_empty() {
            self.quick = vec![None; *PLACES.start()];
        }
        loop {
            let at = place(&quick.path, self.quick.len());
            let taken = self.quick[at].as_ref();
            let other = taken.is_some_and(|taken| taken.path.as_ptr() != quick.path.as_ptr());
            if other && self.quick.len() < *PLACES.end() {
                let mut more = vec![None; 2 * self.quick.len()];
                for old in self.quick.drain(..).flatten() {
                    let at = place(&old.path, more.len());
                    more[at] = Some(old);
                }
                self.quick = more;
                continue;
            }
            self.quick[at].get_or_insert(quick);
            return;
        }
    }

    #[inline]
    fn quick(
        &self,
        path: &[u8],
        content_subtype: &'static str,
        encoding: Encoding,
    ) -> Option<&Start> {
        let quick = self.quick.get(place(path, self.quick.len()))?.as_ref()?;
        let same = quick.path.as_ptr() == path.as_ptr()
            && quick.path.len() == path.len()
            && quick.encoding == encoding
            && std::ptr::eq(quick.content_subtype, content_subtype);
        same.then_some(&quick.start)
    }

    fn start(&self, known: Known, common: Arc<Fields>) -> Start {
        let Known {
            pseudo,
            config,
            plan,
        } = known;
        let config = match config {
            Some(config) => StartConfig::Known(config),
            None if self
                .config
                .as_ref()
                .is_none_or(|config| config.has_selector()) =>
            {
                StartConfig::Awaited
            }
            None => StartConfig::None,
        };
        let template = RequestTemplate { pseudo, common };
        Start {
            template,
            config,
            plan,
        }
    }
}

/// Constants lie close together, and so do allocations: the bits that differ are low ones. `places` is a power of two, or 0,
/// which has none.
#[inline]
fn place(path: &[u8], places: usize) -> usize {
    let address = path.as_ptr().addr();
    (address ^ address >> 5 ^ address >> 10) & places.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::plans::{Retries, RetrySettings};
    use farcall_core::{MethodKind, ServiceConfig};

    fn heads() -> Heads {
        let authority = Bytes::from_static(b"localhost:50051");
        let agent = Bytes::from_static(b"test");
        Heads::new(authority, false, agent, Compressors::none())
    }

    fn configuration(json: &str) -> Arc<Configuration> {
        let service = Arc::new(ServiceConfig::parse(json).unwrap());
        let retries = Arc::new(Retries::new(RetrySettings::default()));
        Arc::new(Configuration::new(service, None, retries, None))
    }

    fn template(
        heads: &Heads,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        encoding: Encoding,
    ) -> RequestTemplate {
        heads.start(method, content_subtype, encoding).template
    }

    fn path(template: &RequestTemplate) -> &[u8] {
        &template.pseudo[2].value
    }

    #[test]
    fn calls_of_a_method_share_their_lists_wherever_its_path_stands() {
        let heads = heads();
        let constant = MethodDescriptor::from_static("/p.S/M", MethodKind::Unary);
        let made = MethodDescriptor::new("/p.S/M".to_owned(), MethodKind::Unary).unwrap();
        let first = template(&heads, &constant, "proto", Encoding::Identity);
        for method in [&constant, &made, &constant, &made] {
            let again = template(&heads, method, "proto", Encoding::Identity);
            assert!(Arc::ptr_eq(&first.pseudo, &again.pseudo));
            assert!(Arc::ptr_eq(&first.common, &again.common));
        }
    }

    #[test]
    fn every_method_has_its_own_path_also_where_they_share_a_place() {
        let heads = heads();
        let methods: Vec<_> = (0..4 * PLACES.end())
            .map(|i| MethodDescriptor::new(format!("/p.S/M{i}"), MethodKind::Unary).unwrap())
            .collect();
        for _ in 0..2 {
            for method in &methods {
                let template = template(&heads, method, "proto", Encoding::Identity);
                assert_eq!(path(&template), method.path_bytes());
            }
        }
    }

    #[test]
    fn the_encoding_and_the_codec_have_lists_of_their_own() {
        let heads = heads();
        let method = MethodDescriptor::from_static("/p.S/M", MethodKind::Unary);
        let plain = template(&heads, &method, "proto", Encoding::Identity);
        let gzip = template(&heads, &method, "proto", Encoding::Gzip);
        let json = template(&heads, &method, "json", Encoding::Identity);
        assert!(gzip.common.iter().any(|field| field.value == "gzip"));
        assert!(
            json.common
                .iter()
                .any(|field| field.value == "application/grpc+json")
        );
        assert!(Arc::ptr_eq(&plain.pseudo, &gzip.pseudo));
        assert!(!Arc::ptr_eq(&plain.common, &gzip.common));
    }

    #[test]
    fn a_new_service_config_reaches_the_next_call_of_a_method_that_is_known() {
        let heads = heads();
        let method = MethodDescriptor::from_static("/p.S/M", MethodKind::Unary);
        let config = || heads.start(&method, "proto", Encoding::Identity).config;
        for _ in 0..3 {
            assert!(matches!(config(), StartConfig::Awaited));
        }
        heads.configure(&configuration("{}"));
        for _ in 0..3 {
            assert!(matches!(config(), StartConfig::None));
        }
        let json = r#"{"methodConfig": [{"name": [{}], "timeout": "3s"}]}"#;
        heads.configure(&configuration(json));
        for _ in 0..3 {
            assert!(matches!(config(), StartConfig::Known(_)));
        }
    }
}
