//! Names for requests: 16 upper-case hexadecimal digits, as S3's are.
//!
//! A counter that starts at a random place and runs through a permutation of the 64-bit numbers: no id occurs twice in
//! one process, those of two processes hardly ever meet, and none costs a system call.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Starts from the operating system's randomness.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(RequestIds(AtomicU64::new(getrandom::u64()?)))
    }

    pub(crate) fn next(&self) -> String {
        // Odd, so that the counter visits every number before it repeats one.
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let id = permute(self.0.fetch_add(STEP, Ordering::Relaxed));
        let digits: [u8; 16] = std::array::from_fn(|at| b"0123456789ABCDEF"[(id >> (60 - 4 * at)) as usize & 15]);
        std::str::from_utf8(&digits).expect("digits are ASCII").to_owned()
    }
}

/// A permutation: each step (an xor with a shift of itself, a product with an odd number) can be undone.
fn permute(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_have_16_digits_and_none_occurs_twice() {
        let ids = RequestIds::new().unwrap();
        let seen: HashSet<String> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'))));
        assert_ne!(RequestIds::new().unwrap().next(), RequestIds::new().unwrap().next());
    }
}
