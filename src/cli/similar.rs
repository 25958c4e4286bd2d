//! What a mistyped word may have meant.

/// `did you mean a, b?`, if anything is near.
pub(crate) fn hint<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let most = 1 + word.chars().count() / 4;
    let mut near: Vec<(usize, &str)> = known
        .map(|name| (distance(word, name), name))
        .filter(|&(far, name)| far <= most || is_part(word, name))
        .collect();
    near.sort_unstable();
    near.truncate(4);
    let names: Vec<&str> = near.into_iter().map(|(_, name)| name).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(", ")))
}

fn is_part(word: &str, name: &str) -> bool {
    word.len() >= 4 && (name.contains(word) || name.ends_with(&format!(":{word}")))
}

/// How many letters must be added, taken away or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(x != y))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["stripped", "rejected", "close:abnormal", "upgrade_stripped"];
        let hint = |word| hint(word, known.into_iter());
        assert_eq!(hint("striped").unwrap(), "did you mean stripped?");
        assert_eq!(hint("abnormal").unwrap(), "did you mean close:abnormal?");
        assert_eq!(
            hint("stripped").unwrap(),
            "did you mean stripped, upgrade_stripped?"
        );
        assert_eq!(hint("xyz"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
