//! Many things of one kind by small numbers: side by side in large pieces, where a box of its own for each would cost its
//! rounding, and a pointer twice as wide.

/// Things in one piece of memory.
const CHUNK: usize = 1024;

/// Each thing keeps its number until it is taken out; then another may get it.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    /// Empty.
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let last = self.chunks.last().map_or(0, Vec::len);
        (full + last).saturating_sub(self.free.len())
    }

    /// The number of the next that is added.
    pub(crate) fn next_place(&self) -> Option<u32> {
        let free = self.free.last().copied();
        free.or_else(|| u32::try_from(self.len()).ok())
    }

    /// Adds one. Its number, unless there are four thousand million.
    pub(crate) fn insert(&mut self, one: T) -> Option<u32> {
        if let Some(at) = self.free.pop() {
            *self.place(at)? = Some(one);
            return Some(at);
        }
        let at = u32::try_from(self.len()).ok()?;
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks.last_mut()?.push(Some(one));
        Some(at)
    }

    /// Takes one out.
    pub(crate) fn take(&mut self, at: u32) -> Option<T> {
        let one = self.place(at)?.take();
        if one.is_some() {
            self.free.push(at);
        }
        one
    }

    /// The one of that number.
    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        let (chunk, at) = (at as usize / CHUNK, at as usize % CHUNK);
        self.chunks.get(chunk)?.get(at)?.as_ref()
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.place(at)?.as_mut()
    }

    /// All of them with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let all = (0..).zip(self.chunks.iter().flatten());
        all.filter_map(|(at, one)| Some((at, one.as_ref()?)))
    }

    #[inline]
    fn place(&mut self, at: u32) -> Option<&mut Option<T>> {
        let (chunk, at) = (at as usize / CHUNK, at as usize % CHUNK);
        self.chunks.get_mut(chunk)?.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keeps_its_number_and_a_free_one_is_used_again() {
        let mut slab = Slab::new();
        for n in 0..3_000_u32 {
            assert_eq!(slab.insert(n), Some(n));
        }
        assert_eq!((slab.take(1_500), slab.take(1_500)), (Some(1_500), None));
        assert_eq!((slab.get(1_500), slab.len()), (None, 2_999));
        assert!(slab.iter().all(|(at, &n)| at == n));
        assert_eq!(slab.iter().count(), 2_999);
        assert_eq!(slab.insert(7), Some(1_500));
        *slab.get_mut(1_500).unwrap() += 1;
        assert_eq!((slab.get(1_500), slab.get(3_000)), (Some(&8), None));
        assert_eq!(slab.insert(9), Some(3_000));
    }
}
