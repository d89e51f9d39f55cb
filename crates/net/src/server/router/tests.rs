use super::*;
use crate::{
    call::{
        Response,
        intercept::{Begin, Immediate},
    },
    server::service::Methods,
};
use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw};

const KINDS: [MethodKind; 4] = [
    MethodKind::Unary,
    MethodKind::ClientStreaming,
    MethodKind::ServerStreaming,
    MethodKind::Bidi,
];

/// A method that says it is of one kind, registered as one of another.
struct Mixed {
    kind: MethodKind,
    registered: MethodKind,
}

impl Service for Mixed {
    const NAME: &'static str = "t.T";

    fn methods(&self, methods: &mut Methods) {
        let method = Method::<Bytes, Bytes, Raw>::with_codec("/t.T/Mixed", self.kind, Raw);
        let (method, service) = (&method, &Arc::new(()));
        match self.registered {
            MethodKind::Unary => methods.unary(method, service, |_, _| async {
                Ok(Response::new(Bytes::new()))
            }),
            MethodKind::ClientStreaming => {
                methods.client_streaming(method, service, |_, _| async {
                    Ok(Response::new(Bytes::new()))
                })
            }
            MethodKind::ServerStreaming => {
                methods.server_streaming(method, service, |_, _, sender| async { (Ok(()), sender) })
            }
            MethodKind::Bidi => {
                methods.bidi(method, service, |_, _, sender| async { (Ok(()), sender) });
            }
        }
    }
}

fn mixed() -> impl Iterator<Item = Mixed> {
    let all = |kind| KINDS.map(|registered| Mixed { kind, registered });
    KINDS.into_iter().flat_map(all)
}

struct Nothing;

impl Immediate for Nothing {
    type State = ();

    fn begin(&self, _: &mut Begin<'_>) -> Result<(), Status> {
        Ok(())
    }
}

#[test]
fn no_handler_is_left_the_interceptors_that_it_does_not_run() {
    for service in mixed() {
        let mut chain = Chain::default();
        chain.push(Nothing);
        let mut router = Router::default();
        router.add(&service);
        router.surround(&chain);
        let route = router.find(b"/t.T/Mixed").unwrap();
        let left = route.interceptors.as_ref().unwrap().immediate().is_some();
        let both = [service.kind, service.registered] == [MethodKind::Unary; 2];
        assert_eq!(left, both, "{:?} as {:?}", service.kind, service.registered);
    }
}

#[test]
fn a_method_that_is_registered_as_another_kind_than_its_own_is_a_problem() {
    for service in mixed() {
        let mut router = Router::default();
        router.add(&service);
        let (kind, registered) = (service.kind, service.registered);
        match kind == registered {
            true => assert!(router.problems().is_empty()),
            false => assert_eq!(
                router.problems(),
                [format!(
                    "method /t.T/Mixed is {kind:?}, but was registered as {registered:?}"
                )]
            ),
        }
    }
}
