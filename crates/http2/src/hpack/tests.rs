//! Tests of the codec as a whole.

mod appendix_c;
mod decoder;
mod encoder;
mod memo;
mod random;
mod round_trip;
