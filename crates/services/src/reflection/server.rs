//! The services.

use super::{
    answers::{Answers, Knowledge},
    generated::grpc::reflection::{v1, v1alpha},
    proto::{ServerReflectionRequest, ServerReflectionResponse},
};
use farcall_core::Status;
use farcall_net::{
    Request, Sender, Streaming,
    server::{Lifecycle, Methods, Service, ServiceInfo},
};
use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A reflection service of both versions; see the [module](super).
pub fn service() -> ReflectionService {
    ReflectionService {
        with_v1alpha: true,
        shared: Arc::default(),
    }
}

/// A reflection service, to be added to one server. Made by [`service`].
///
/// ```
/// let reflection = farcall::reflection::service().without_v1alpha();
/// let server = farcall::Server::builder().add_service(reflection);
/// # drop(server);
/// ```
pub struct ReflectionService {
    with_v1alpha: bool,
    shared: Arc<Shared>,
}

impl ReflectionService {
    /// Offers `grpc.reflection.v1` alone. Tools that are not new know the other one only: grpcurl before 1.8.8, and Python's
    /// `grpcio-reflection`.
    pub fn without_v1alpha(mut self) -> Self {
        self.with_v1alpha = false;
        self
    }
}

impl fmt::Debug for ReflectionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReflectionService")
    }
}

/// What the server tells once it is complete.
#[derive(Default)]
struct Shared {
    knowledge: Mutex<Arc<Knowledge>>,
}

impl Service for ReflectionService {
    const NAME: &'static str = v1::ServerReflectionServer::<Info>::NAME;
    const FILE_DESCRIPTOR_SET: &'static [u8] =
        v1::ServerReflectionServer::<Info>::FILE_DESCRIPTOR_SET;
    const OPERATIONAL: bool = true;

    fn methods(&self, methods: &mut Methods) {
        let info = Arc::new(Info(Arc::clone(&self.shared)));
        v1::ServerReflectionServer::from_arc(Arc::clone(&info)).methods(methods);
        if self.with_v1alpha {
            methods.companion(&v1alpha::ServerReflectionServer::from_arc(info));
        }
    }

    fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
        Some(Arc::clone(&self.shared) as Arc<dyn Lifecycle>)
    }
}

impl Lifecycle for Shared {
    fn on_start(&self, services: &[ServiceInfo]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut knowledge = Knowledge::default();
        let mut sets: Vec<&'static [u8]> = Vec::new();
        // Our own come last: of files with the same name the first counts, and the users' may be newer.
        let own = ReflectionService::FILE_DESCRIPTOR_SET;
        let is_own = |service: &&ServiceInfo| service.file_descriptor_set() == own;
        let (ours, others): (Vec<_>, Vec<_>) = services.iter().partition(is_own);
        for service in others.into_iter().chain(ours) {
            knowledge.services.push(service.name());
            let set = service.file_descriptor_set();
            // Services that were generated together share one.
            if sets.contains(&set) {
                continue;
            }
            sets.push(set);
            knowledge.files.add(set).map_err(|error| {
                let name = service.name();
                format!("reflection: the descriptors of {name} cannot be read: {error}")
            })?;
        }
        knowledge.services.sort_unstable();
        let mut shared = self
            .knowledge
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = Arc::new(knowledge);
        Ok(())
    }
}

/// What the generated code calls.
struct Info(Arc<Shared>);

impl Info {
    async fn answer_all(
        &self,
        mut requests: Request<Streaming<ServerReflectionRequest>>,
        replies: &mut Sender<ServerReflectionResponse>,
    ) -> Result<(), Status> {
        let knowledge = {
            let shared = self.0.knowledge.lock();
            Arc::clone(&shared.unwrap_or_else(PoisonError::into_inner))
        };
        let mut answers = Answers::new(knowledge);
        while let Some(request) = requests.message().await? {
            replies.send(answers.answer(request)?).await?;
        }
        Ok(())
    }
}

impl v1::ServerReflection for Info {
    async fn server_reflection_info(
        &self,
        requests: Request<Streaming<ServerReflectionRequest>>,
        replies: &mut Sender<ServerReflectionResponse>,
    ) -> Result<(), Status> {
        self.answer_all(requests, replies).await
    }
}

impl v1alpha::ServerReflection for Info {
    async fn server_reflection_info(
        &self,
        requests: Request<Streaming<ServerReflectionRequest>>,
        replies: &mut Sender<ServerReflectionResponse>,
    ) -> Result<(), Status> {
        self.answer_all(requests, replies).await
    }
}
