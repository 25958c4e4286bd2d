#![no_main]
#[path = "../../it/contract/shape.rs"]
#[allow(dead_code)]
mod shape;
#[path = "../../it/fuzzed/targets/mod.rs"]
#[allow(dead_code)]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(told) = targets::capture(bytes) else {
        return;
    };
    let mut wrong = shape::of_bytes(&told.json);
    let text = String::from_utf8(told.json).unwrap();
    for line in text.lines() {
        wrong.extend(shape::of_line(&serde_json::from_str(line).unwrap()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let text = String::from_utf8(told.text).unwrap();
    let unfit = text.chars().find(|&c| c != '\n' && shape::is_unfit(c));
    assert_eq!(unfit, None);
});
