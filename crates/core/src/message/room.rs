//! How the output of a decompressor grows.

/// Makes room behind `output` when it is full: `hint` bytes or as many as there are already, whichever is more, but one byte past
/// `end` at most, so that a small input cannot ask for much. That it at least doubles, and only when it has to, keeps the cost in
/// proportion to the output, however small the pieces are that a peer has cut it into.
pub(super) fn make_room(output: &mut Vec<u8>, hint: usize, end: usize) {
    let left = end.saturating_add(1).saturating_sub(output.len());
    if output.len() == output.capacity() && left > 0 {
        output.reserve_exact(hint.max(output.len()).min(left));
        #[cfg(test)]
        tests::GROWN.with(|grown| grown.set(grown.get() + 1));
    }
}

/// What to give [`make_room`] for the first time.
pub(super) fn first_room(input: &[u8]) -> usize {
    input.len().saturating_mul(4).max(256)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How often buffers of this thread have grown.
        pub(in super::super) static GROWN: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_buffer_grows_when_it_is_full_by_doubling_and_to_one_past_the_end() {
        let mut output = Vec::new();
        let mut sizes = Vec::new();
        while output.len() <= 1000 {
            make_room(&mut output, 100, 1000);
            if sizes.last() != Some(&output.capacity()) {
                sizes.push(output.capacity());
            }
            output.push(0);
        }
        assert_eq!(sizes, [100, 200, 400, 800, 1001]);
        make_room(&mut output, 100, 1000);
        assert_eq!(output.capacity(), 1001);
    }
}
