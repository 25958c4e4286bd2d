//! One or several, without an allocation for the one that nearly always is alone.

use std::iter;

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = iter::Chain<iter::Once<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        iter::once(self.first).chain(self.others.into_vec())
    }
}

/// At least one, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Few<T> {
    first: T,
    /// No more room than they need: they are very many, and of most there are no others.
    others: Box<[T]>,
}

impl<T> Few<T> {
    pub(super) fn one(first: T) -> Self {
        let others = Box::default();
        Self { first, others }
    }

    pub(super) fn push(&mut self, other: T) {
        self.change(|others| {
            others.reserve_exact(1);
            others.push(other);
        });
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<T>)) {
        let mut others = std::mem::take(&mut self.others).into_vec();
        change(&mut others);
        self.others = others.into();
    }

    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    pub(super) const fn first(&self) -> &T {
        &self.first
    }

    pub(super) fn into_first(self) -> T {
        self.first
    }

    /// The one that is alone.
    pub(super) const fn only(&self) -> Option<&T> {
        if self.others.is_empty() {
            Some(&self.first)
        } else {
            None
        }
    }

    /// Both, where there are two.
    pub(super) const fn both(&self) -> Option<[&T; 2]> {
        match &*self.others {
            [second] => Some([&self.first, second]),
            _ => None,
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(1) {
            None => Some(&self.first),
            Some(other) => self.others.get(other),
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(1) {
            None => Some(&mut self.first),
            Some(other) => self.others.get_mut(other),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        iter::once(&self.first).chain(&self.others)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        iter::once(&mut self.first).chain(&mut self.others)
    }

    /// Takes those out that are not to be kept; false where that would be all of them, and one is left that is not wanted.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) -> bool {
        if !self.others.is_empty() {
            self.change(|others| others.retain(&keep));
        }
        keep(&self.first) || self.drop_first()
    }

    /// Takes the first out; false where it is the only one, and is left.
    pub(super) fn drop_first(&mut self) -> bool {
        let has_others = !self.others.is_empty();
        if has_others {
            let mut others = std::mem::take(&mut self.others).into_vec();
            self.first = others.remove(0);
            self.others = others.into();
        }
        has_others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_list_that_is_never_empty() {
        let mut few = Few::one(1);
        few.push(2);
        few.push(3);
        few.iter_mut().for_each(|n| *n *= 10);
        assert!(few.retain(|&n| n != 10));
        assert_eq!(
            (few.iter().rev().copied().collect::<Vec<_>>(), few.len()),
            (vec![30, 20], 2)
        );
        assert_eq!(few.first(), &20);
        assert_eq!(few.get_mut(1), Some(&mut 30));
        assert_eq!(few.get_mut(2), None);
        assert_eq!((few.only(), few.both()), (None, Some([&20, &30])));
        assert_eq!(few.clone().into_iter().collect::<Vec<_>>(), [20, 30]);
        assert!(few.drop_first());
        assert_eq!((few.only(), few.both()), (Some(&30), None));
        assert!(!few.retain(|&n| n != 30));
        assert!(!few.drop_first());
    }
}
