//! Generated code from difficult `.proto` files: that it compiles is the first test.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, rustdoc::all)]

farcall::include_protos!();

/// Types that the generated code above takes from here instead of making them.
pub mod other {
    farcall::include_protos!("elsewhere");
}

/// Files of an edition.
pub mod editions_file {
    farcall::include_protos!("editions");
}

/// Clients alone.
pub mod client_only {
    farcall::include_protos!("client_only");
}

/// Servers alone.
pub mod server_only {
    farcall::include_protos!("server_only");
}
