//! `farcall describe`.

mod comments;
mod proto;
mod template;

use crate::{arguments::DescribeArguments, failure::Failure, out, schema::Schema};
use prost_reflect::DescriptorPool;

/// Prints what is asked for as it would stand in a `.proto` file.
pub(crate) async fn run(arguments: DescribeArguments) -> Result<(), Failure> {
    let mut rest = arguments.arguments.iter();
    let mut schema = Schema::open(&arguments.schema, &arguments.connection, &mut rest)?;
    let mut names: Vec<String> = rest.cloned().collect();
    if names.is_empty() {
        names = schema.services().await?;
    }
    for (index, name) in names.iter().enumerate() {
        let name = name.trim_start_matches('.');
        let text = match arguments.template {
            true => template(&mut schema, name).await?,
            false => describe(&mut schema, name).await?,
        };
        let gap = if index > 0 { "\n" } else { "" };
        out::write(&format!("{gap}{text}"))?;
    }
    schema.close().await;
    Ok(())
}

async fn describe(schema: &mut Schema, name: &str) -> Result<String, Failure> {
    let pool = schema.pool_with(name).await?;
    if let Some(text) = declared(&pool, name) {
        return Ok(text);
    }
    // A method: `service/method`, or with a dot.
    if let Some((service, method)) = name.rsplit_once(['/', '.']) {
        let pool = schema.pool_with(service).await?;
        let service = pool.get_service_by_name(service);
        let method = service.and_then(|service| service.methods().find(|one| one.name() == method));
        if let Some(method) = method {
            return Ok(proto::method_alone(&method));
        }
    }
    Err(Failure::local(format!("there is nothing called {name:?}")))
}

fn declared(pool: &DescriptorPool, name: &str) -> Option<String> {
    let service = pool
        .get_service_by_name(name)
        .map(|one| proto::service(&one));
    let message = || {
        pool.get_message_by_name(name)
            .map(|one| proto::message(&one))
    };
    let enumeration = || {
        pool.get_enum_by_name(name)
            .map(|one| proto::enumeration(&one))
    };
    service.or_else(message).or_else(enumeration)
}

async fn template(schema: &mut Schema, name: &str) -> Result<String, Failure> {
    match schema.message(name).await {
        Some(message) => Ok(template::of(&message)),
        None => {
            schema.pool_with(name).await?;
            Err(Failure::local(format!(
                "there is no message called {name:?}"
            )))
        }
    }
}
