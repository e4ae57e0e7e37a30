//! Integers in memory that was read as bytes.

/// A 4-byte integer in `bytes` at `offset`; 0 where there is none.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..offset + 4)
        .map_or(0, |b| u32::from_ne_bytes(b.try_into().expect("four bytes")))
}

/// An 8-byte integer in `bytes` at `offset`; 0 where there is none.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes
        .get(offset..offset + 8)
        .map_or(0, |b| u64::from_ne_bytes(b.try_into().expect("eight bytes")))
}
