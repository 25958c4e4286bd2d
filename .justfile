# Short names for what is done often. Nothing needs `just`: each line can be typed as it stands.

# What CI runs.
check:
    sh .ci/test

# Look at changed snapshots one by one (needs cargo-insta).
snapshots:
    cargo insta test --review

# Record the captures anew (root; see captures/README.md).
captures:
    sudo python3 captures/record/record.py

# The tests that capture live traffic, in namespaces of their own (root).
live:
    cargo test --test it live -- --nocapture

# How fast it is beside tcpdump; see docs/performance.md.
compare:
    benches/compare

# Each room by itself.
rooms:
    cargo bench --bench rooms

# Licences, advisories and sources of all crates (needs cargo-deny).
deny:
    cargo deny check

# The report of a shipped capture.
demo:
    cargo run --release -- -r captures/handshake/stripped_by_nginx_default.pcapng
