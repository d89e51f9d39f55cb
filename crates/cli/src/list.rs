//! `farcall list`.

use crate::{arguments::ListArguments, failure::Failure, out, schema::Schema};

/// Prints the services, or the methods of one, a line each.
pub(crate) async fn run(arguments: ListArguments) -> Result<(), Failure> {
    let mut rest = arguments.arguments.iter();
    let mut schema = Schema::open(&arguments.schema, &arguments.connection, &mut rest)?;
    let service = rest.next();
    if rest.next().is_some() {
        return Err(Failure::usage(
            "with files there is no target: at most one service is expected",
        ));
    }
    match service {
        None => {
            for name in schema.services().await? {
                out::write(&name)?;
            }
        }
        Some(name) => {
            for method in schema.service(name).await?.methods() {
                out::write(&format!("{name}/{}", method.name()))?;
            }
        }
    }
    schema.close().await;
    Ok(())
}
