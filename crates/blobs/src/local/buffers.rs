//! Buffers of one chunk each, to be used again.
//!
//! A chunk is large enough that an allocator gives its memory back to the system at once, and gets it again page by page,
//! cleared: that costs more than reading the chunk from the page cache does.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::MAX_CHUNK_BYTES;

/// Most buffers that are kept while nobody uses them: 4 MiB.
const KEPT: usize = 16;

/// Buffers that nobody uses now.
#[derive(Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Room for `len` bytes, whatever is in it; at most [`MAX_CHUNK_BYTES`].
    pub fn take(&self, len: usize) -> Buffer {
        let small = len <= MAX_CHUNK_BYTES / 2;
        let kept = if small { None } else { self.0.lock().pop() };
        let bytes = kept.unwrap_or_else(|| vec![0; if small { len } else { MAX_CHUNK_BYTES }]);
        Buffer { bytes, len, home: (!small).then(|| self.clone()) }
    }
}

/// Room for a chunk; goes back when it is dropped.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
    home: Option<Buffers>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = &self.home else { return };
        let mut kept = home.0.lock();
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_ones_are_used_again_and_no_more_than_a_few_are_kept() {
        let buffers = Buffers::default();
        let mut one = buffers.take(MAX_CHUNK_BYTES);
        one.as_mut()[0] = 7;
        let at = one.as_ref().as_ptr();
        drop(one);
        let again = buffers.take(200_000);
        assert_eq!((again.as_ref().as_ptr(), again.as_ref().len()), (at, 200_000));
        drop(again);
        drop(buffers.take(100));
        let many: Vec<_> = (0..40).map(|_| buffers.take(MAX_CHUNK_BYTES)).collect();
        drop(many);
        assert_eq!(buffers.0.lock().len(), KEPT);
    }
}
