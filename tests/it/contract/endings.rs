//! How an opened WebSocket may end, one connection each, from packets to lines.

use std::time::Duration;

use super::situations::{Table, close, frame, hello, hold, opened, run, told};
use crate::support::conversation::Who;

fn closings(table: Table) {
    hold(
        table,
        "closing",
        &["kind", "wire_code", "code", "by", "finding", "severity"],
    );
}

#[test]
fn every_close_code_has_its_kind() {
    for (codes, kind, severity) in [
        (&[1000, 1001][..], "normal", "info"),
        (
            &[1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
            "fault",
            "error",
        ),
        (&[3000, 3999, 4000, 4999], "application", "info"),
        (
            &[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535],
            "illegal",
            "error",
        ),
    ] {
        for &code in codes {
            let run = run("close", &[hello().server(close(Who::Server, code)).close()]);
            let said = told(
                &run,
                "closing",
                &["kind", "wire_code", "code", "by", "severity"],
            );
            assert_eq!(said, format!("{kind} {code} {code} server {severity}"));
        }
    }
}

#[test]
fn every_code_that_tells_a_fault_has_its_finding() {
    for (code, finding) in [
        (1002, "closed_protocol_error"),
        (1003, "closed_unsupported"),
        (1004, "close_code_illegal"),
        (1007, "closed_bad_data"),
        (1008, "closed_policy"),
        (1009, "closed_too_big"),
        (1010, "extension_required"),
        (1011, "closed_internal_error"),
        (1012, "service_restart"),
        (1013, "try_again_later"),
        (1014, "bad_gateway"),
        (2999, "close_code_illegal"),
    ] {
        let run = run("close", &[hello().client(close(Who::Client, code)).close()]);
        assert_eq!(
            told(&run, "closing", &["finding", "by"]),
            format!("{finding} client")
        );
    }
}

#[test]
fn every_other_end_has_its_kind() {
    let (client, server) = (Who::Client, Who::Server);
    let broken = |first, from| {
        hello()
            .client(frame(from, first, b"x"))
            .server(close(server, 1002))
            .close()
    };
    let open = || {
        hello()
            .wait(Duration::from_secs(9_000))
            .client(frame(client, 0x81, b"x"))
    };
    closings(vec![
        (
            "an empty Close",
            hello().client(frame(client, 0x88, b"")).close(),
            "normal - 1005 client - info",
        ),
        // RFC 6455 §7.1.5: no code in it is 1005.
        (
            "half a code",
            hello().server(frame(server, 0x88, b"\x03")).close(),
            "illegal - 1005 server close_malformed error",
        ),
        (
            "FIN",
            hello().fin(server).fin(client),
            "abnormal - 1006 server abnormal_closure warning",
        ),
        (
            "RST",
            hello().rst(client),
            "abnormal - 1006 client abnormal_closure warning",
        ),
        ("a probe", opened().close(), "unused - 1006 client - info"),
        ("open", hello(), "open - - unknown - info"),
        ("open for long", open(), "open - - unknown - info"),
        (
            "no mask",
            broken(0x81, server),
            "fault 1002 1002 server frame_unmasked error",
        ),
        (
            "a mask",
            hello()
                .server(frame(client, 0x81, b"x"))
                .client(close(client, 1002))
                .close(),
            "fault 1002 1002 client frame_masked error",
        ),
        (
            "opcode 3",
            broken(0x83, client),
            "fault 1002 1002 server opcode_reserved error",
        ),
        (
            "RSV1",
            broken(0xc1, client),
            "fault 1002 1002 server rsv_unexpected error",
        ),
        (
            "half a ping",
            broken(0x09, client),
            "fault 1002 1002 server control_frame_invalid error",
        ),
        (
            "continued",
            broken(0x80, client),
            "fault 1002 1002 server continuation_unexpected error",
        ),
    ]);
}
