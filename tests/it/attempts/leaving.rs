//! Who left, who waits, and when an attempt is decided.

use wscap::flow::Direction;
use wscap::judge::{Severity, Verdict};

use super::{BACKEND, CLIENT, INNER, PROXY};
use crate::support::legs::{Script, findings, handshake};

#[test]
fn a_client_that_leaves_soon_is_no_fault_and_one_that_waited_is_a_warning() {
    for (waits, severity) in [(200, Severity::Info), (3_000, Severity::Warning)] {
        let mut script = Script::default();
        script
            .ask(0, 0, handshake(CLIENT, PROXY))
            .fin(0, waits, Direction::ToServer);
        let judged = script.one();
        assert_eq!(judged.judgement.verdict, Verdict::Abandoned);
        assert_eq!(judged.judgement.severity, severity);
        assert_eq!(judged.judgement.status, None);
    }
}

/// The client's patience is no fault of its own where a leg shows what it waited for.
#[test]
fn a_client_that_leaves_after_an_upstream_has_failed_is_not_the_cause() {
    let verdict = |act: &dyn Fn(&mut Script)| {
        let mut script = Script::default();
        script.ask(0, 0, handshake(CLIENT, PROXY));
        act(&mut script);
        script.fin(0, 3_000, Direction::ToServer);
        let judged = script.one();
        let found = findings(&judged).join(" ");
        format!("{:?} {found}", judged.judgement.verdict)
    };
    let fault = |id| format!("Rejected {id} client_gave_up");
    let none = "Abandoned client_gave_up";
    // Refused at once; and the first of two upstreams, where the second was still asked.
    let refused = |s: &mut Script| {
        s.refused(1, 1, INNER, BACKEND);
    };
    assert_eq!(verdict(&refused), fault("upstream_unreachable"));
    let other = "10.2.0.3:9000";
    let next = |s: &mut Script| {
        s.refused(1, 1, INNER, BACKEND)
            .ask(2, 2, handshake("10.2.0.1:7", other));
    };
    assert_eq!(verdict(&next), none);
    // A SYN that waits, for long or for as long as any may take.
    for (begun, expected) in [(1, fault("upstream_unreachable")), (2_500, none.into())] {
        let waits = |s: &mut Script| {
            s.unanswered(1, begun, INNER, BACKEND);
        };
        assert_eq!(verdict(&waits), expected, "{begun}");
    }
    // The backend hung up, or answered what was kept from the client; or all of it came just when the client left.
    for (at, is_fault) in [(2, true), (2_990, false)] {
        let hung_up = |s: &mut Script| {
            s.ask(1, 1, handshake(INNER, BACKEND))
                .fin(1, at, Direction::ToClient);
        };
        let kept = |s: &mut Script| {
            s.ask(1, 1, handshake(INNER, BACKEND))
                .answer(1, at, 403, &[]);
        };
        let told = |id| if is_fault { fault(id) } else { none.into() };
        assert_eq!(verdict(&hung_up), told("upstream_closed"));
        assert_eq!(verdict(&kept), told("answer_not_relayed"));
    }
}

#[test]
fn a_101_that_comes_after_the_client_has_left_opens_nothing() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .fin(0, 500, Direction::ToServer)
        .switch(0, 800, &[]);
    let judged = script.one();
    assert_eq!(
        (judged.judgement.verdict, judged.judgement.status),
        (Verdict::Abandoned, None)
    );
}

#[test]
fn what_the_capture_cut_off_accuses_nobody() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .ask(1, 1, handshake(INNER, BACKEND).stripped())
        .answer(1, 2, 426, &[]);
    let judged = script.one();
    assert_eq!(judged.judgement.verdict, Verdict::Unknown);
    assert_eq!(findings(&judged), ["capture_incomplete"]);
    assert!(judged.judgement.hop.is_none());
}

#[test]
fn silence_is_pending_after_five_seconds_and_unanswered_after_three_hundred() {
    let mut script = Script::default();
    script.ask(0, 0, handshake(CLIENT, PROXY));
    assert!(script.decided_by(299_000).is_empty());
    let decided = script.decided_by(300_100);
    assert_eq!(decided[0].judgement.verdict, Verdict::Rejected);
    assert_eq!(findings(&decided[0]), ["unanswered"]);
}

#[test]
fn an_answer_is_decided_one_second_later_and_an_open_socket_with_its_first_frame() {
    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .answer(0, 10, 404, &[]);
    assert!(script.decided_by(1_000).is_empty());
    assert_eq!(script.decided_by(1_060).len(), 1);

    let mut script = Script::default();
    script
        .ask(0, 0, handshake(CLIENT, PROXY))
        .switch(0, 10, &[])
        .text(0, 20, Direction::ToClient);
    assert!(script.decided_by(100).is_empty());
    assert_eq!(script.decided_by(200).len(), 1);
}
