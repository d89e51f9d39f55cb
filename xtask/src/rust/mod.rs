//! As much of Rust as the checks need: tokens, modules and the paths that they name.

pub mod lexer;
pub mod module;
pub mod paths;
pub mod tests_out;
pub mod tree;
