//! The board behind the service.

use super::{ServingStatus::*, board::Board};
use farcall_core::Code;
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

fn ready(future: impl Future<Output = ()>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    pin!(future).poll(&mut cx) == Poll::Ready(())
}

#[test]
fn a_slow_watcher_gets_the_newest_status_alone() {
    let board = Arc::new(Board::new());
    let mut watcher = board.watch("s", None).unwrap();
    assert_eq!(watcher.latest().status, ServiceUnknown);
    for status in [Serving, NotServing, Serving, NotServing] {
        board.set("s", Some(status));
    }
    assert!(ready(watcher.changed()));
    assert_eq!(watcher.latest().status, NotServing);
    assert!(!ready(watcher.changed()), "there was one piece of news");
}

#[test]
fn a_report_that_changes_nothing_wakes_nobody() {
    let board = Arc::new(Board::new());
    let mut watcher = board.watch("", None).unwrap();
    assert_eq!(watcher.latest().status, Serving);
    board.set("", Some(Serving));
    board.set("other", Some(NotServing));
    assert!(!ready(watcher.changed()));
}

#[test]
fn names_that_only_peers_know_are_forgotten_with_their_last_watcher() {
    let board = Arc::new(Board::new());
    let (one, two) = (
        board.watch("s", None).unwrap(),
        board.watch("s", None).unwrap(),
    );
    board.set("s", Some(Serving));
    board.set("s", None);
    drop(one);
    assert!(board.holds("s"), "somebody still watches");
    drop(two);
    assert!(!board.holds("s"));
    board.set("t", Some(Serving));
    board.set("t", None);
    assert!(!board.holds("t"));
}

#[test]
fn a_long_name_is_refused_unless_the_program_has_reported_it() {
    let board = Arc::new(Board::new());
    let name = "n".repeat(5000);
    let status = board.watch(&name, None).err().unwrap();
    assert_eq!(status.code(), Code::InvalidArgument);
    board.set(&name, Some(Serving));
    assert_eq!(board.watch(&name, None).unwrap().latest().status, Serving);
}

#[test]
fn watchers_beyond_the_limit_are_refused_until_one_leaves() {
    let board = Arc::new(Board::new());
    board.set_max_watchers(2);
    let (one, _two) = (
        board.watch("a", None).unwrap(),
        board.watch("b", None).unwrap(),
    );
    let status = board.watch("c", None).err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!board.holds("c"));
    drop(one);
    assert!(board.watch("c", None).is_ok());
}

#[test]
fn one_address_cannot_take_every_place() {
    let board = Arc::new(Board::new());
    board.set_max_watchers(10);
    let [greedy, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|address| Some(address.into()));
    let watchers: Vec<_> = (0..10)
        .map_while(|_| board.watch("", greedy).ok())
        .collect();
    assert_eq!(watchers.len(), 6);
    let status = board.watch("unknown", greedy).err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("6 of the same address"));
    assert!(!board.holds("unknown"));
    assert!(board.watch("", other).is_ok());
    drop(watchers);
    assert!(board.watch("", greedy).is_ok());
}

#[test]
fn the_announcement_of_a_shutdown_is_over_when_every_watcher_was_told_or_is_gone() {
    let board = Arc::new(Board::new());
    board.set("a", Some(Serving));
    let (mut one, two) = (
        board.watch("a", None).unwrap(),
        board.watch("unknown", None).unwrap(),
    );
    let mut told = pin!(board.announce_shut_down());
    assert!(!ready(told.as_mut()));
    let news = one.latest();
    assert_eq!(news.status, NotServing);
    one.told(news);
    one.told(news);
    assert!(!ready(told.as_mut()), "the other one was not told");
    drop(two);
    assert!(ready(told));
    // Those who come later have nothing to be told.
    let mut late = board.watch("a", None).unwrap();
    assert_eq!(late.latest().status, NotServing);
    drop(late);
    assert!(
        !ready(board.announce_shut_down()),
        "`one` has a new round to hear of"
    );
}

#[test]
fn after_a_shutdown_reports_are_ignored_until_it_is_taken_back() {
    let board = Board::new();
    board.set("s", Some(Serving));
    board.shut_down();
    board.set("s", Some(Serving));
    board.set("t", Some(Serving));
    assert_eq!(board.status("s"), Some(NotServing));
    assert_eq!(board.status("t"), None);
    board.resume();
    assert_eq!(
        (board.status("s"), board.status("")),
        (Some(Serving), Some(Serving))
    );
    board.set("s", Some(NotServing));
    assert_eq!(board.status("s"), Some(NotServing));
}

#[test]
fn watches_end_once_the_drain_begins() {
    let board = Arc::new(Board::new());
    let mut watcher = board.watch("", None).unwrap();
    board.shut_down();
    assert!(!watcher.latest().over);
    board.end();
    assert!(ready(watcher.changed()));
    assert!(watcher.latest().over);
    assert!(board.watch("new", None).unwrap().latest().over);
}
