//! Made from `proto/grpc/health/v1/health.proto` by `tests/generated.rs`.

include!("../generated/health.rs");
