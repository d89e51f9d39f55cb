//! The policies and resolvers that a channel may use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::balancer::{Policies, PolicyFactory};
use crate::policy::{PickFirstFactory, RoundRobinFactory};
use crate::resolver::{BuiltInResolver, ResolverFactory};
use crate::target::{DEFAULT_SCHEME, Target, TargetError};

/// The policies and resolvers that a channel may use: a value, not a global. Clones are cheap and never change each other.
///
/// ```
/// use farcall_lb::Registry;
///
/// let registry = Registry::built_in();
/// assert!(registry.policy("pick_first").is_some());
/// assert!(registry.resolver("dns").is_some());
/// assert_eq!(registry.parse_target("localhost:50051").unwrap().scheme(), "dns");
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Tables>);

#[derive(Clone)]
struct Tables {
    policies: BTreeMap<String, Arc<dyn PolicyFactory>>,
    resolvers: BTreeMap<String, Arc<dyn ResolverFactory>>,
    default_scheme: String,
}

impl Registry {
    /// Nothing at all.
    pub fn empty() -> Self {
        Self(Arc::new(Tables {
            policies: BTreeMap::new(),
            resolvers: BTreeMap::new(),
            default_scheme: DEFAULT_SCHEME.to_owned(),
        }))
    }

    /// The policies `pick_first` and `round_robin`, and the resolvers of [`BuiltInResolver`]; the default scheme is `dns`.
    pub fn built_in() -> Self {
        // A constant, made once: channels by the thousand need no tables of their own until one adds to them.
        static BUILT_IN: LazyLock<Registry> = LazyLock::new(|| {
            let empty = Registry::empty()
                .with_policy(PickFirstFactory)
                .with_policy(RoundRobinFactory);
            BuiltInResolver::ALL
                .into_iter()
                .fold(empty, Registry::with_resolver)
        });
        BUILT_IN.clone()
    }

    /// The same with this policy, in place of one of the same name.
    pub fn with_policy(mut self, factory: impl PolicyFactory + 'static) -> Self {
        let name = factory.name().to_owned();
        let tables = Arc::make_mut(&mut self.0);
        tables.policies.insert(name, Arc::new(factory));
        self
    }

    /// The names of the policies, in the order of the alphabet.
    ///
    /// ```
    /// let registry = farcall_lb::Registry::built_in();
    /// assert_eq!(registry.policy_names().collect::<Vec<_>>(), ["pick_first", "round_robin"]);
    /// ```
    pub fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.0.policies.keys().map(String::as_str)
    }

    /// The same with this resolver, in place of one of the same scheme.
    pub fn with_resolver(mut self, factory: impl ResolverFactory + 'static) -> Self {
        let scheme = factory.scheme().to_ascii_lowercase();
        let tables = Arc::make_mut(&mut self.0);
        tables.resolvers.insert(scheme, Arc::new(factory));
        self
    }

    /// The same with another scheme for targets that name none that is known.
    ///
    /// ```
    /// let registry = farcall_lb::Registry::built_in();
    /// assert_eq!(registry.parse_target("fleet:50051").unwrap().scheme(), "dns");
    /// let registry = registry.with_default_scheme("Passthrough");
    /// assert_eq!(registry.parse_target("fleet:50051").unwrap().scheme(), "passthrough");
    /// ```
    pub fn with_default_scheme(mut self, scheme: &str) -> Self {
        Arc::make_mut(&mut self.0).default_scheme = scheme.to_ascii_lowercase();
        self
    }

    /// The policy of this name; names are case-sensitive.
    pub fn policy(&self, name: &str) -> Option<&Arc<dyn PolicyFactory>> {
        self.0.policies.get(name)
    }

    /// The resolver of this scheme, in lower case.
    pub fn resolver(&self, scheme: &str) -> Option<&Arc<dyn ResolverFactory>> {
        self.0.resolvers.get(scheme)
    }

    /// Parses a target for the schemes of this registry; see [`Target::parse_with`].
    ///
    /// # Errors
    /// As for [`Target::parse_with`].
    pub fn parse_target(&self, text: &str) -> Result<Target, TargetError> {
        Target::parse_with(text, &self.0.default_scheme, |scheme| {
            self.0.resolvers.contains_key(scheme)
        })
    }
}

impl Policies for Registry {
    fn find_policy(&self, name: &str) -> Option<&Arc<dyn PolicyFactory>> {
        self.policy(name)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::built_in()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("policies", &self.0.policies.keys())
            .field("resolvers", &self.0.resolvers.keys())
            .field("default_scheme", &self.0.default_scheme)
            .finish()
    }
}
