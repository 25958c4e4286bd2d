//! Everything that is tested from outside the rooms, as one binary.

mod architecture;
