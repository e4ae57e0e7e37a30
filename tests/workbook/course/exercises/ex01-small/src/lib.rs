//! Doubling and halving.

/// Twice `number`.
pub fn double(number: u64) -> u64 {
    todo!("double the number {number}")
}

/// Half of `number`, rounded down.
pub fn halve(number: u64) -> u64 {
    todo!("halve the number {number}")
}
