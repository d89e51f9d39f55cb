//! The generated code that is checked in.

use farcall_build::Config;

/// `UPDATE=1 cargo test -p farcall-services --test generated` writes it anew.
fn generated(name: &str, config: Config) {
    let config = config
        .include("proto")
        .name(name)
        .runtime("crate::runtime")
        .prost("::prost");
    match std::env::var_os("UPDATE") {
        Some(_) => config.emit_to("src/generated").unwrap(),
        None => config.check("src/generated").unwrap(),
    }
}

#[test]
fn the_code_of_the_health_service_is_what_its_proto_file_gives() {
    generated(
        "health",
        Config::new().proto("proto/grpc/health/v1/health.proto"),
    );
}

#[test]
fn the_code_of_the_reflection_services_is_what_their_proto_files_give() {
    // The messages of both versions are the same on the wire: one set of types serves both.
    generated(
        "reflection",
        Config::new()
            .proto("proto/grpc/reflection/v1/reflection.proto")
            .proto("proto/grpc/reflection/v1alpha/reflection.proto")
            // Tools look up the details of a status by reflection. Their types exist; this is about their descriptors.
            .proto("proto/google/rpc/error_details.proto")
            .proto("proto/google/rpc/status.proto")
            .extern_path(".google", "::farcall_core::status::rpc")
            .extern_path(
                ".grpc.reflection.v1alpha",
                "crate::reflection::generated::grpc::reflection::v1",
            ),
    );
}
