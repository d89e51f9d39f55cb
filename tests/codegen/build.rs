//! Generates from every `.proto` file that is here.

use farcall_build::Config;

fn main() -> Result<(), farcall_build::Error> {
    Config::new()
        .include("proto")
        .protos([
            "proto/names.proto",
            "proto/collisions.proto",
            "proto/shapes.proto",
            "proto/comments.proto",
        ])
        .protos([
            "proto/packages.proto",
            "proto/well_known.proto",
            "proto/no_package.proto",
            "proto/two.proto",
        ])
        .extern_path(".elsewhere", "crate::other::elsewhere")
        .type_attribute(".shapes.Tagged", "#[derive(PartialOrd)]")
        .compile()?;
    // Files of an edition, compiled by a protoc that knows editions.
    Config::new()
        .descriptor_set_file("proto/editions.binpb")
        .name("editions")
        .compile()?;
    Config::new()
        .proto("proto/elsewhere.proto")
        .name("elsewhere")
        .compile()?;
    // Only one side.
    Config::new()
        .proto("proto/one_side.proto")
        .server(false)
        .name("client_only")
        .compile()?;
    Config::new()
        .proto("proto/one_side.proto")
        .client(false)
        .name("server_only")
        .compile()
}
