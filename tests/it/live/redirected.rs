//! A mesh: a rule redirects what an application on the proxy's host sends to the nginx beside it, so that on `lo` the
//! answers come from the address that was dialled.

use super::{BACKEND, Net, PROXY_INNER, Stage, why_not};

/// What the application dials: nobody has it.
const DIALLED: &str = "10.96.0.1";
/// Where the rule leads.
const LISTENER: &str = "127.0.0.1:15001";

/// `settings` go into nginx' location. `None` where such a test cannot run; says so.
fn mesh(settings: &str) -> Option<Stage> {
    if let Some(why) = why_not(&["ip", "nginx", "nft"]) {
        println!("skipped: {why}");
        return None;
    }
    let net = Net::new();
    let rules = format!(
        "table ip mesh {{ chain out {{ type nat hook output priority -100; \
         ip daddr {DIALLED} tcp dport 80 redirect to :15001; }}; }}"
    );
    let output = net.command("p", "nft").arg(&rules).output().unwrap();
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        println!("skipped: this system takes no rule that redirects: {why}");
        return None;
    }
    // A destination needs a route before a rule may change it.
    let route = ["route", "add", "10.96.0.0/16", "dev", "inner"];
    let status = net.command("p", "ip").args(route).status().unwrap();
    assert!(status.success(), "no route");
    Some(Stage::in_net(net, LISTENER, settings))
}

#[test]
fn a_sidecar_that_strips_is_named_by_its_listener() {
    for interface in ["any", "lo"] {
        let Some(stage) = mesh("") else { return };
        let mut capture = stage.capture(&["-i", interface]);
        let answer = stage.ask_from("p", &format!("{DIALLED}:80"));
        assert!(answer.contains(" 502 "), "{answer}");
        let attempt = capture.next_line("attempt");
        let outermost = &attempt["legs"][0];
        assert_eq!(outermost["server"], LISTENER, "{attempt}");
        assert_eq!(outermost["redirected"]["from"], format!("{DIALLED}:80"));
        if interface == "lo" {
            // The backend's answer is not in sight.
            assert_eq!(attempt["status"], 502, "{attempt}");
        } else {
            assert_eq!(attempt["verdict"], "stripped", "{attempt}");
            assert_eq!(attempt["confidence"], "proved");
            assert_eq!(attempt["legs"][1]["server"], format!("{BACKEND}:8080"));
            let hop = &attempt["hop"];
            assert_eq!(
                (&hop["in"], &hop["adjacent"]),
                (&LISTENER.into(), &true.into())
            );
            assert!(hop["out"].as_str().unwrap().starts_with(PROXY_INNER));
        }
        let summary = capture.interrupt();
        assert_eq!(summary["health"]["gaps"], 0);
        let attempts = summary["attempts"].as_object().unwrap();
        let sum: u64 = attempts
            .values()
            .filter_map(serde_json::Value::as_u64)
            .sum();
        assert_eq!(sum, 1, "{summary}");
    }
}

#[test]
fn through_a_right_sidecar_a_websocket_opens_and_closes() {
    let Some(stage) = mesh(
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    ) else {
        return;
    };
    let mut capture = stage.capture(&["-i", "any"]);
    let answer = stage.ask_from("p", &format!("{DIALLED}:80"));
    assert!(answer.contains(" 101 "), "{answer}");
    let attempt = capture.next_line("attempt");
    assert_eq!(attempt["verdict"], "ok", "{attempt}");
    assert_eq!(attempt["legs"].as_array().unwrap().len(), 2);
    let closing = capture.next_line("closing");
    assert_eq!(closing["kind"], "normal", "{closing}");
    let frames = &closing["legs"][0]["frames"];
    assert_eq!(frames["client"]["text"], 1);
    assert_eq!(frames["server"]["text"], 1, "its answers too: {closing}");
    assert_eq!(capture.interrupt()["attempts"]["ok"], 1);
}
