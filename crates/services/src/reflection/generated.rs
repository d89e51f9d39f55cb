//! Made from the files in `proto/grpc/reflection` by `tests/generated.rs`.

include!("../generated/reflection.rs");
