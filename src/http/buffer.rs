//! A buffer whose allocation is charged to the budget of all buffers.

use crate::limits::Budget;

/// Bytes kept because they cannot be read yet. Whoever drops it calls [`Buffer::clear`] first.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    charged: u64,
}

impl Buffer {
    /// Smallest allocation: a usual request head.
    const MIN: usize = 512;

    /// Appends `more`; false, and nothing appended, if there is no room in the budget.
    #[must_use]
    pub(crate) fn append(&mut self, more: &[u8], budget: &mut Budget) -> bool {
        let needed = self.bytes.len().saturating_add(more.len());
        if needed > self.bytes.capacity() {
            let capacity = needed.next_power_of_two().max(Self::MIN);
            if !budget.charge((capacity - self.bytes.capacity()) as u64) {
                return false;
            }
            self.charged += (capacity - self.bytes.capacity()) as u64;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        true
    }

    /// Lets go of all bytes, and of their allocation.
    pub(crate) fn clear(&mut self, budget: &mut Budget) {
        drop(self.take(budget));
    }

    /// Hands the bytes over to someone who uses them up at once.
    pub(crate) fn take(&mut self, budget: &mut Budget) -> Vec<u8> {
        budget.release(std::mem::take(&mut self.charged));
        std::mem::take(&mut self.bytes)
    }

    /// What is kept.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much is kept.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is kept.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_charged_and_given_back() {
        let mut budget = Budget::new(1500);
        let mut buffer = Buffer::default();
        assert!(buffer.append(&[1; 10], &mut budget));
        assert_eq!(budget.used(), 512);
        assert!(buffer.append(&[1; 600], &mut budget));
        assert_eq!(budget.used(), 1024);
        assert!(!buffer.append(&[1; 600], &mut budget));
        assert_eq!(buffer.len(), 610);
        buffer.clear(&mut budget);
        assert_eq!((budget.used(), buffer.is_empty()), (0, true));
    }
}
