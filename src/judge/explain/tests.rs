//! Pages and columns as users read them, and the facts that they must hold.

use super::*;

fn told(words: &[&str], width: usize) -> Result<String, Unknown> {
    let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
    explain(&words, Catalogue::embedded(), width)
}

#[test]
fn pages() {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("explain_426", told(&["426"], 100).unwrap());
        insta::assert_snapshot!("explain_400", told(&["400"], 100).unwrap());
        insta::assert_snapshot!("explain_1010_1014", told(&["1010", "1014"], 100).unwrap());
        insta::assert_snapshot!("explain_upgrade_stripped", told(&["upgrade_stripped"], 100).unwrap());
        insta::assert_snapshot!("explain_nginx", told(&["nginx"], 100).unwrap());
        insta::assert_snapshot!("explain_list", list(Catalogue::embedded()));
    });
}

#[test]
fn everything_that_is_listed_can_be_explained() {
    let catalogue = Catalogue::embedded();
    let findings = FindingId::ALL.iter().map(|id| id.name().to_owned());
    let topics = catalogue.topics().iter().flat_map(|topic| {
        let aliases = topic.aliases.iter().chain(&topic.see).cloned();
        std::iter::once(topic.key.clone()).chain(aliases)
    });
    for word in findings.chain(topics) {
        let page = told(&[&word], 80).unwrap();
        assert!(page.len() > 100, "{word}");
    }
}

#[test]
fn every_status_and_close_code_has_its_page() {
    for status in [
        100, 101, 200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 407, 410, 418, 426, 429,
        451, 460, 463, 464, 499, 500, 501, 502, 503, 504, 505, 511, 520, 521, 522, 523, 524, 525,
        526,
    ] {
        assert!(told(&[&status.to_string()], 80).is_ok(), "{status}");
    }
    for code in (1000..=1015).chain([
        0, 999, 1016, 2999, 3000, 3003, 3008, 3500, 4000, 4406, 4999, 5000,
    ]) {
        assert!(told(&[&code.to_string()], 80).is_ok(), "{code}");
    }
    assert!(
        told(&["4404"], 80)
            .unwrap()
            .starts_with("4404 Codes of the app")
    );
}

#[test]
fn a_code_of_the_app_has_all_its_known_uses_and_belongs_to_none_of_them() {
    let page = told(&["4401"], 80).unwrap();
    assert!(page.starts_with("4401 Codes of the app"), "{page}");
    let uses = page.split("KNOWN USES").nth(1).unwrap();
    for who in ["graphql-ws", "subscriptions-transport-ws", "Hocuspocus"] {
        assert!(uses.contains(&format!("  {who} ")), "{who}: {page}");
    }
    assert!(!uses.contains("Pusher"), "{page}");
    let page = told(&["3000"], 80).unwrap();
    assert!(page.starts_with("3000 Unauthorized"), "{page}");
    for who in ["IANA registry", "Centrifugo"] {
        assert!(page.contains(who), "{page}");
    }
    // No more than there is to say of what nobody is known to use, or of what has but one meaning.
    for code in ["4321", "1001"] {
        let page = told(&[code], 80).unwrap();
        assert!(
            !page.contains("graphql") && !page.contains("IANA"),
            "{page}"
        );
    }
    let beside = told(&["4401", "4406"], 160).unwrap();
    assert!(beside.contains("known uses"), "{beside}");
}

#[test]
fn who_has_codes_of_their_own_has_a_page() {
    let page = told(&["Soketi"], 80).unwrap_err().to_string();
    assert!(page.contains("nothing is known"), "{page}");
    let page = told(&["pusher protocol"], 80).unwrap();
    assert!(page.contains("4100-4199  Try again later."), "{page}");
    assert!(
        page.contains("Known by the target /app/*?protocol=."),
        "{page}"
    );
    let page = told(&["colyseus"], 80).unwrap();
    assert!(page.contains("Nothing in a handshake shows"), "{page}");
}

#[test]
fn what_users_are_told_elsewhere_is_told_here_too() {
    for (word, facts) in [
        (
            "426",
            &[
                "Unexpected response code: 426",
                "wss://",
                "nginx -s reload",
                "template",
            ][..],
        ),
        (
            "426",
            &[
                "target group",
                "Network, WebSockets",
                "TLS/1.2",
                "HTTP/2",
                "socket.io 2",
                "subprotocols",
            ],
        ),
        (
            "426",
            &[
                "mod_proxy_wstunnel",
                "2.4.47",
                "1.29.7",
                "curl -i",
                "reach the backend",
                "chat",
            ],
        ),
        (
            "400",
            &["80 %", "75 %", "85 %", "90 %", "95 %", "in 85 % of cases"],
        ),
        (
            "400",
            &[
                "Node.js 18",
                "websockets 12.0",
                "nginx 1.24",
                "Origin",
                "16 random bytes",
                "base64",
            ],
        ),
        (
            "1010",
            &[
                "the client",
                "permessage-deflate",
                "Sec-WebSocket-Extensions",
                "optional",
            ],
        ),
        (
            "1014",
            &[
                "gateway",
                "down, misconfigured, wrong port",
                "listens on that port",
                "route",
            ],
        ),
    ] {
        let page = told(&[word], 1000).unwrap();
        for fact in facts {
            assert!(page.contains(fact), "{word}: {fact}");
        }
    }
}

#[test]
fn columns_stand_side_by_side_until_they_get_too_narrow() {
    let wide = told(&["1010", "1014"], 100).unwrap();
    assert!(
        wide.lines()
            .any(|line| line.contains("1010 Mandatory") && line.contains("1014 Bad"))
    );
    assert!(wide.lines().all(|line| line.len() <= 100), "{wide}");
    let narrow = told(&["1010", "1014"], 60).unwrap();
    assert!(
        !narrow
            .lines()
            .any(|line| line.contains("1010 Mandatory") && line.contains("1014 Bad"))
    );
    assert!(
        told(&["502", "503", "504"], 100)
            .unwrap()
            .contains("\n----")
    );
    assert!(
        !told(&["502", "503", "504"], 120)
            .unwrap()
            .contains("\n----")
    );
    for width in 0..200 {
        told(&["426", "nginx", "upgrade_stripped"], width).unwrap();
    }
}

#[test]
fn names_are_known_in_any_spelling() {
    for word in [
        "Upgrade-Stripped",
        "NGINX",
        " 426 ",
        "Socket.IO",
        "ingress-nginx",
        "graphql-ws",
    ] {
        assert!(told(&[word], 80).is_ok(), "{word}");
    }
}

#[test]
fn a_word_nobody_knows_gives_near_ones() {
    let near = |word: &str| told(&[word], 80).unwrap_err().near;
    assert_eq!(near("ngnix").first().map(String::as_str), Some("nginx"));
    assert!(near("stripped").contains(&"upgrade_stripped".to_owned()));
    assert!(near("xyzzyxyzzy").is_empty());
    assert_eq!(
        told(&["426", "apache3"], 80).unwrap_err().to_string(),
        "nothing is known of \"apache3\". Did you mean apache, apache2? wscap explain --list shows all words."
    );
    assert!(told(&["70000"], 80).is_err());
}

#[test]
fn distances_count_letters() {
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("abc", "abc"), 0);
}
