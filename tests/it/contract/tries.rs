//! What belongs to one attempt: tries of one client, and requests beside the one of the path.

use std::time::Duration;

use serde_json::Value;
use wscap::time::Timestamp;

use super::situations::{ASKS, KEYED, answer, get, run, switching, told};
use crate::support::conversation::Conversation;

/// A connection of its own, so many milliseconds later.
fn later(ms: i64, client: &str, server: &str) -> Conversation {
    let start = Timestamp::from_secs(1_700_000_000, ms * 1_000_000);
    Conversation::new().endpoints(client, server).start(start)
}

#[test]
fn a_client_may_use_its_key_again_after_a_challenge_or_a_redirect() {
    let request = get(&format!("{ASKS}{KEYED}")).replace("Via: 1.1 edge\r\n", "");
    let challenge = answer(
        "401 Unauthorized",
        "WWW-Authenticate: Basic realm=x\r\n",
        "",
    );
    let moved = answer(
        "307 Temporary Redirect",
        "Location: http://app.example:81/ws\r\n",
        "",
    );
    let (client, again) = ("10.0.0.1:40000", "10.0.0.1:40001");
    for (name, conversations) in [
        (
            "on the same connection",
            vec![
                later(0, client, "10.0.0.9:80")
                    .client(&request)
                    .server(&challenge)
                    .client(&request)
                    .server(switching(""))
                    .close(),
            ],
        ),
        (
            "on another",
            vec![
                later(0, client, "10.0.0.9:80")
                    .client(&request)
                    .server(&challenge)
                    .close(),
                later(100, again, "10.0.0.9:80")
                    .client(&request)
                    .server(switching(""))
                    .close(),
            ],
        ),
        (
            "at another port",
            vec![
                later(0, client, "10.0.0.9:80")
                    .client(&request)
                    .server(&moved)
                    .close(),
                later(100, again, "10.0.0.9:81")
                    .client(&request)
                    .server(switching(""))
                    .close(),
            ],
        ),
        (
            "through a proxy",
            vec![
                later(0, client, "10.0.0.9:80")
                    .client(&request)
                    .wait(Duration::from_millis(50))
                    .server(&challenge)
                    .close(),
                later(10, "10.0.0.9:5000", "10.0.0.8:80")
                    .client(&request)
                    .server(&challenge)
                    .close(),
                later(100, again, "10.0.0.9:80")
                    .client(&request)
                    .wait(Duration::from_millis(50))
                    .server(switching(""))
                    .close(),
                later(110, "10.0.0.9:5001", "10.0.0.8:80")
                    .client(&request)
                    .server(switching(""))
                    .close(),
            ],
        ),
    ] {
        let run = run(name, &conversations);
        let said = told(&run, "attempt", &["verdict", "status", "tries"]);
        assert_eq!(said, "ok 101 2", "{name}: {:#}", run.lines[0]);
        let attempt = &run.lines[0];
        let legs = attempt["legs"].as_array().unwrap();
        assert!(
            legs.iter().all(|leg| leg["response"]["status"] == 101),
            "{name}"
        );
        assert!([401, 307].contains(&attempt["earlier_tries"][0]["status"].as_u64().unwrap()));
    }
}

#[test]
fn a_sub_request_before_the_leg_of_the_path_is_no_try() {
    let sub = get(&format!("{KEYED}X-Original-URI: /ws\r\n")).replace("/ws HTTP", "/auth HTTP");
    let run = run(
        "auth",
        &[
            later(0, "10.0.0.9:5000", "10.0.0.7:80")
                .client(sub)
                .server(answer("200 OK", "", ""))
                .close(),
            later(10, "10.0.0.9:5001", "10.0.0.8:80")
                .client(get(&format!("{ASKS}{KEYED}")))
                .server(switching(""))
                .close(),
        ],
    );
    assert_eq!(told(&run, "attempt", &["verdict", "tries"]), "ok 1");
    let legs = &run.lines[0]["legs"];
    assert_eq!(
        (&legs[0]["role"], &legs[1]["role"]),
        (&"path".into(), &"auth".into())
    );
    assert_eq!(
        (&legs[0]["joined_by"], &legs[1]["joined_by"]),
        (&Value::Null, &"key".into())
    );
}
