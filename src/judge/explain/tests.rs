use super::*;

fn told(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|&w| w.to_owned()).collect();
    explain(&words, Catalogue::embedded(), 100).unwrap()
}

#[test]
fn print_it() {
    for w in [
        &["426"][..],
        &["1010", "1014"],
        &["upgrade_stripped"],
        &["nginx"],
    ] {
        println!("{}\n=======\n", told(w));
    }
}
