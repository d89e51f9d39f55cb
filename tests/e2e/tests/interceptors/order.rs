//! Who stands around whom.

use super::{Diary, Noting, call, echo, simulated};
use farcall_testkit::stub_server::calls;

fn noting(name: &'static str, diary: &Diary) -> Noting {
    Noting {
        name,
        diary: diary.clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_installed_is_outermost_and_those_of_the_call_stand_inside_those_of_the_channel()
{
    let diary = Diary::default();
    let notes = diary.clone();
    let stub = echo().configure(move |server| {
        let server = server.interceptor(noting("s1", &notes));
        server.interceptor(noting("s2", &notes))
    });
    let notes = diary.clone();
    let stub = stub.simulated_with(
        1,
        farcall_testkit::sim::NetConfig::default(),
        move |channel| {
            let channel = channel.interceptor(noting("c1", &notes));
            channel.interceptor(noting("c2", &notes))
        },
    );
    let channel = stub.channel().with_interceptor(noting("c3", &diary));
    let unary = calls::unary(&channel, "/t.T/Unary", bytes::Bytes::new());
    unary
        .interceptor(noting("call1", &diary))
        .interceptor(noting("call2", &diary))
        .await
        .unwrap();
    let names: Vec<_> = diary.take();
    let names: Vec<_> = names
        .iter()
        .map(|note| note.split(' ').next().unwrap())
        .collect();
    let down = ["c1", "c2", "c3", "call1", "call2", "s1", "s2"];
    assert_eq!(names[..7], down);
    let up: Vec<_> = down.into_iter().rev().collect();
    assert_eq!(names[7..], up);
}

#[tokio::test(start_paused = true)]
async fn a_handle_with_an_interceptor_leaves_the_other_handles_of_its_channel_alone() {
    let diary = Diary::default();
    let stub = simulated(echo());
    let with = stub.channel().with_interceptor(noting("a", &diary));
    call(stub.channel(), "/t.T/Unary", "abc").await.unwrap();
    assert!(diary.take().is_empty());
    call(&with, "/t.T/Unary", "abc").await.unwrap();
    assert_eq!(diary.take().len(), 2);
    assert_eq!(stub.connections(), 1, "they share their connections");
}
