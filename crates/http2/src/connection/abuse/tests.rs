use super::*;
use crate::budget::Budgets;

/// How many acts pass, `per_second` of them, with `work` between each two.
fn lasts(act: Act, per_second: u32, work: impl Fn(&mut Abuse)) -> usize {
    let (start, budget) = (Instant::now(), Budgets::default().of(act));
    let mut abuse = Abuse::new(start);
    (0..50_000)
        .take_while(|&i| {
            work(&mut abuse);
            let now = start + Duration::from_secs(1) * i / per_second;
            abuse.charge(act, 1, budget, now).is_ok()
        })
        .count()
}

#[test]
fn each_budget_lasts_for_its_burst_and_not_for_one_more() {
    let now = Instant::now();
    for &act in Act::ALL {
        let (budget, mut abuse) = (Budgets::default().of(act), Abuse::new(now));
        for _ in 0..budget.burst {
            abuse.charge(act, 1, budget, now).unwrap();
        }
        assert_eq!(abuse.charge(act, 1, budget, now), Err(act.crime()));
        assert_eq!(abuse.counted(act), u64::from(budget.burst) + 1);
    }
}

#[test]
fn each_budget_lasts_for_ever_at_its_rate() {
    for &act in Act::ALL {
        let per_second = Budgets::default().of(act).per_second;
        assert_eq!(lasts(act, per_second, |_| ()), 50_000, "{act:?}");
    }
}

#[test]
fn a_budget_is_empty_soon_above_its_rate() {
    for &act in Act::ALL {
        let budget = Budgets::default().of(act);
        let lasted = lasts(act, 2 * budget.per_second, |_| ());
        let expected = 2 * budget.burst as usize;
        assert!(
            (expected - 1..=expected + 1).contains(&lasted),
            "{act:?}: {lasted}"
        );
    }
}

#[test]
fn rapid_reset_is_not_refilled_by_its_own_header_lists() {
    assert!(lasts(Act::Reset, 1_000_000, Abuse::note_received) < 2010);
}

#[test]
fn more_cancelled_calls_are_earned_by_calls_that_complete() {
    assert_eq!(lasts(Act::Reset, 100_000, Abuse::note_stream_done), 50_000);
}

#[test]
fn a_ping_with_each_data_frame_is_earned() {
    assert_eq!(lasts(Act::Ping, 1_000_000, Abuse::note_received), 50_000);
    assert_eq!(
        lasts(Act::Ping, 1_000_000, |abuse| abuse.note_sent(0)),
        50_000
    );
}

#[test]
fn each_kib_that_was_sent_earns_a_window_update() {
    let (now, budget) = (Instant::now(), Budgets::default().of(Act::Idle));
    let mut abuse = Abuse::new(now);
    abuse.note_sent(64 << 10);
    let lasted = (0..)
        .take_while(|_| abuse.charge(Act::Idle, 1, budget, now).is_ok())
        .count();
    assert_eq!(lasted, budget.burst as usize + 2 + 64);
}

#[test]
fn work_that_was_done_before_does_not_count_twice() {
    let (now, budget) = (Instant::now(), Budgets::default().of(Act::Ping));
    let mut abuse = Abuse::new(now);
    for _ in 0..100 {
        abuse.note_sent(0);
    }
    let lasted = (0..)
        .take_while(|_| abuse.charge(Act::Ping, 1, budget, now).is_ok())
        .count();
    assert_eq!(lasted, budget.burst as usize + 100);
}

#[test]
fn reading_pauses_from_half_of_a_budget_on_until_time_has_refilled_it() {
    let (now, budget) = (Instant::now(), Budgets::default().of(Act::Reset));
    let mut abuse = Abuse::new(now);
    for _ in 0..budget.burst / 2 {
        abuse.charge(Act::Reset, 1, budget, now).unwrap();
    }
    assert_eq!(abuse.pause(), None);
    abuse.charge(Act::Reset, 1, budget, now).unwrap();
    let until = abuse.pause().unwrap();
    assert_eq!(until - now, Duration::from_millis(1), "what one act takes");
    abuse.charge(Act::Reset, 999, budget, now).unwrap();
    assert_eq!(abuse.pause().unwrap() - now, MAX_PAUSE);
    abuse.on_timeout(now);
    assert!(abuse.pause().is_some());
    abuse.on_timeout(now + MAX_PAUSE);
    assert_eq!(abuse.pause(), None);
}

#[test]
fn a_budget_of_nothing_allows_nothing() {
    let mut abuse = Abuse::new(Instant::now());
    let none = Budget {
        burst: 0,
        per_second: 0,
    };
    let crime = abuse.charge(Act::GoAway, 1, none, Instant::now());
    assert_eq!(crime, Err(PeerMisbehaved::TooManyGoAways));
}
