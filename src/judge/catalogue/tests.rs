use super::*;

#[test]
fn parses() {
    for (i, f) in FILES.iter().enumerate() {
        if let Err(e) = toml::from_str::<File>(f) {
            panic!("file {i}: {e}");
        }
    }
}
