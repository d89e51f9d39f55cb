//! What is prepared for attempts that a policy, which has a connection, does not let go out.

use super::{
    interceptors::{Noting, Numbered, repeating},
    *,
};
use farcall_core::service_config::{Json, ServiceConfigError};
use farcall_net::{
    Registry,
    lb::{
        ConnectivityState,
        balancer::{
            Context, LoadBalancingPolicy, Pick, PickInfo, Picker, Policies, PolicyAction,
            PolicyConfig, PolicyFactory, PolicyUpdate, WakeId,
        },
        policy::PickFirst,
        subchannel::{SubchannelId, SubchannelState},
    },
};
use std::{collections::VecDeque, fmt};
use tokio::time::sleep;

/// What the first picks on a connection come to.
#[derive(Clone)]
struct Script(Arc<Mutex<VecDeque<Pick>>>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Script").finish_non_exhaustive()
    }
}

/// Picks as the script says, then as its child does.
struct Scripted {
    child: PickFirst,
    script: Script,
}

struct ScriptedPicker {
    child: Arc<dyn Picker>,
    script: Script,
}

impl Picker for ScriptedPicker {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        let next = self.script.0.lock().unwrap().pop_front();
        next.unwrap_or_else(|| self.child.pick(info))
    }
}

impl Scripted {
    fn run<R>(
        &mut self,
        cx: &mut Context<'_>,
        run: impl FnOnce(&mut PickFirst, &mut Context<'_>) -> R,
    ) -> R {
        let child = &mut self.child;
        let (result, actions) = cx.child(|cx| run(child, cx));
        for action in actions {
            match action {
                PolicyAction::Publish {
                    state: state @ ConnectivityState::Ready,
                    picker: child,
                } => {
                    let script = self.script.clone();
                    cx.publish(state, ScriptedPicker { child, script });
                }
                other => cx.record(other),
            }
        }
        result
    }
}

impl LoadBalancingPolicy for Scripted {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        self.run(cx, |child, cx| child.on_resolver_update(cx, update))
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        self.run(cx, |child, cx| child.on_subchannel_state(cx, id, state));
    }

    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        self.run(cx, |child, cx| child.on_wake(cx, id));
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        self.run(cx, |child, cx| child.exit_idle(cx));
    }
}

impl PolicyFactory for Script {
    fn name(&self) -> &str {
        "scripted"
    }

    fn parse_config(
        &self,
        _: &Json,
        _: &dyn Policies,
    ) -> Result<Option<PolicyConfig>, ServiceConfigError> {
        Ok(None)
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        Box::new(Scripted {
            child: PickFirst::default(),
            script: self.clone(),
        })
    }
}

/// A connected channel whose calls have four attempts, and whose first picks are these.
async fn scripted(
    stub: StubServer,
    picks: impl IntoIterator<Item = Pick>,
    settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder,
) -> SimulatedStub {
    let script = Script(Arc::new(Mutex::new(picks.into_iter().collect())));
    let stub = simulated_with(stub, &unavailable(4), |channel| {
        settings(channel)
            .registry(Registry::built_in().with_policy(script))
            .load_balancing_policy("scripted")
    });
    stub.channel().connect().await.unwrap();
    stub
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_pick_fails_ends_and_the_next_one_is_prepared_anew() {
    for pause in [Duration::ZERO, SECOND] {
        let (all, mut credentials) = (Noting::default(), Numbered::default());
        credentials.pause = pause;
        let noting = all.clone();
        let stub = scripted(
            repeating(1, "proof"),
            [Pick::Fail(down()), Pick::Fail(down())],
            |channel| {
                channel
                    .attempt_interceptor(noting)
                    .call_credentials(credentials)
            },
        )
        .await;
        let call = calls::unary(stub.channel(), PATH, Bytes::new());
        let reply = call.await.unwrap();
        assert_eq!(&reply[..], b"2 3", "proofs that the server has seen");
        assert_eq!(reply.attempts(), 4);
        let expected = [
            "+1",
            "-1 UNAVAILABLE",
            "+2",
            "-2 UNAVAILABLE",
            "+3",
            "-3 UNAVAILABLE",
            "+4",
            "-4 OK",
        ];
        assert_eq!(all.notes(), expected, "pause: {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_prepared_and_not_sent_ends_as_its_call_does() {
    let all = Noting::default();
    let noting = all.clone();
    let stub = scripted(
        repeating(0, "proof"),
        [
            Pick::Queue,
            Pick::Queue,
            Pick::Drop(Status::unavailable("no")),
        ],
        |channel| channel.attempt_interceptor(noting),
    )
    .await;
    let channel = stub.channel().clone();
    let left = tokio::spawn(async move { unary(&channel).await });
    sleep(SECOND).await;
    left.abort();
    left.await.unwrap_err();
    assert_eq!(all.notes(), ["+1", "-1 CANCELLED"]);

    let late = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(SECOND);
    assert_eq!(late.await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(all.notes()[2..], ["+1", "-1 DEADLINE_EXCEEDED"]);

    assert_eq!(code(unary(stub.channel()).await), Code::Unavailable);
    assert_eq!(all.notes()[4..], ["+1", "-1 UNAVAILABLE"]);
}
