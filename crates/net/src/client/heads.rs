//! The request header lists that calls of a channel share. HTTP/2 encodes each once per connection.

use crate::call::Encoding;
use arc_swap::ArcSwap;
use bytes::Bytes;
use farcall_core::{
    Compressors, MethodDescriptor,
    call::client::{RequestTemplate, common_headers, pseudo_headers},
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
    pseudo: ArcSwap<HashMap<Bytes, Arc<Fields>, foldhash::fast::RandomState>>,
    common: ArcSwap<Vec<Common>>,
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
        let (pseudo, common) = (ArcSwap::default(), ArcSwap::default());
        Heads {
            authority,
            secure,
            user_agent,
            accepted,
            pseudo,
            common,
        }
    }

    /// The lists of a call.
    pub(crate) fn template(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        encoding: Encoding,
    ) -> RequestTemplate {
        RequestTemplate {
            pseudo: self.pseudo(method),
            common: self.common(content_subtype, encoding),
        }
    }

    fn pseudo(&self, method: &MethodDescriptor) -> Arc<Fields> {
        let known = self.pseudo.load();
        if let Some(fields) = known.get(method.path_bytes()) {
            return Arc::clone(fields);
        }
        let fields = pseudo_headers(method, self.authority.clone(), self.secure);
        if known.len() >= MAX_METHODS {
            return fields;
        }
        self.pseudo.rcu(|known| {
            let mut known = HashMap::clone(known);
            known
                .entry(method.path_bytes().clone())
                .or_insert_with(|| Arc::clone(&fields));
            known
        });
        fields
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
