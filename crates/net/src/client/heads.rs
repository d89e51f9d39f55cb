//! What the calls of a method share: request header lists, which HTTP/2 encodes once per connection, and what the service
//! config says about them.

use crate::call::Encoding;
use arc_swap::ArcSwap;
use bytes::Bytes;
use farcall_core::{
    Compressors, MethodDescriptor, ServiceConfig,
    call::client::{RequestTemplate, common_headers, pseudo_headers},
    service_config::MethodConfig,
};
use farcall_http2::Fields;
use std::{collections::HashMap, sync::Arc};

/// Methods whose lists are kept; those of further ones (made-up paths) are built for each call.
const MAX_METHODS: usize = 1024;

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
    config: Option<Arc<ServiceConfig>>,
    known: HashMap<Bytes, Known, foldhash::fast::RandomState>,
}

#[derive(Clone)]
struct Known {
    pseudo: Arc<Fields>,
    config: Option<Arc<MethodConfig>>,
}

/// What a call starts with.
pub(crate) struct Start {
    pub(crate) template: RequestTemplate,
    pub(crate) config: StartConfig,
}

/// What is known of a method's config when a call starts.
pub(crate) enum StartConfig {
    /// There is none.
    None,
    Known(Arc<MethodConfig>),
    /// The resolver has not answered yet.
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
        let common = self.common(content_subtype, encoding);
        let methods = self.methods.load();
        let awaited = methods.config.is_none();
        let Known { pseudo, config } = match methods.known.get(method.path_bytes()) {
            Some(known) => known.clone(),
            None => self.learn(method, &methods),
        };
        let config = match config {
            Some(config) => StartConfig::Known(config),
            None if awaited => StartConfig::Awaited,
            None => StartConfig::None,
        };
        let template = RequestTemplate { pseudo, common };
        Start { template, config }
    }

    /// The service config of the calls that start from now on.
    pub(crate) fn configure(&self, config: &Arc<ServiceConfig>) {
        self.methods.rcu(|methods| {
            let mut methods = Methods::clone(methods);
            methods.config = Some(Arc::clone(config));
            for (path, known) in &mut methods.known {
                let path = std::str::from_utf8(path).unwrap_or_default();
                known.config = config.method(path).cloned();
            }
            methods
        });
    }

    #[cold]
    fn learn(&self, method: &MethodDescriptor, methods: &Methods) -> Known {
        let pseudo = pseudo_headers(method, self.authority.clone(), self.secure);
        let known = |config: &Option<Arc<ServiceConfig>>| Known {
            pseudo: Arc::clone(&pseudo),
            config: config
                .as_ref()
                .and_then(|c| c.method(method.path()).cloned()),
        };
        if methods.known.len() < MAX_METHODS {
            self.methods.rcu(|methods| {
                let mut methods = Methods::clone(methods);
                let known = known(&methods.config);
                let path = method.path_bytes().clone();
                methods.known.entry(path).or_insert(known);
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
            let mut known = Vec::clone(known);
            known.push(Common {
                content_subtype,
                encoding,
                fields: Arc::clone(&fields),
            });
            known
        });
        fields
    }
}
