//! Hash tables that are asked several times an event: seeded at random once a process, and quick on the short keys that
//! packets bring. Strangers choose those keys, but see neither the seed nor how long an answer takes.

use std::collections;

/// The seed of a table, which compares what it finds.
pub(crate) type Seed = foldhash::fast::RandomState;

/// The seed of what is told apart by its hash alone: every bit of it counts.
pub(crate) type DigestSeed = foldhash::quality::RandomState;

/// The same in each process: where it shows in what is told which keys fall together, for the same capture is to give the same
/// bytes. A stranger may choose keys that do.
pub(crate) type FixedSeed = foldhash::fast::FixedState;

/// A hash table.
pub(crate) type HashMap<K, V> = collections::HashMap<K, V, Seed>;

/// The same of keys alone.
pub(crate) type HashSet<K> = collections::HashSet<K, Seed>;
