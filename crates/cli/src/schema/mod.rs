//! What services and messages look like: from files, or asked of the server.

mod files;
mod reflection;
mod set;

use crate::{
    arguments::{Connection, SchemaFiles},
    connection::{Connected, connect},
    failure::Failure,
};
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use reflection::Reflection;

/// A source of descriptors.
pub(crate) enum Schema {
    Files(DescriptorPool),
    Reflection(Box<Reflection>),
}

impl Schema {
    /// From files if some are named, else by reflection on `connected`.
    ///
    /// # Errors
    /// The files are wrong.
    pub(crate) fn new(files: &SchemaFiles, connected: &Connected) -> Result<Schema, Failure> {
        match files::load(files)? {
            Some(pool) => Ok(Schema::Files(pool)),
            None => Ok(Schema::Reflection(Box::new(Reflection::new(connected)))),
        }
    }

    /// That of the files, or, without any, of the server that the first of the `rest` of the arguments names.
    ///
    /// # Errors
    /// The files are wrong, there is neither a file nor a target, or the target is wrong.
    pub(crate) fn open<'a>(
        files: &SchemaFiles,
        connection: &Connection,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<Schema, Failure> {
        if let Some(pool) = files::load(files)? {
            return Ok(Schema::Files(pool));
        }
        let target = rest.next().ok_or_else(Failure::no_target)?;
        let connected = connect(target, connection)?;
        Ok(Schema::Reflection(Box::new(Reflection::new(&connected))))
    }

    /// The names of all services, sorted.
    pub(crate) async fn services(&mut self) -> Result<Vec<String>, Failure> {
        let mut names = match self {
            Schema::Files(pool) => pool
                .services()
                .map(|service| service.full_name().to_owned())
                .collect(),
            Schema::Reflection(reflection) => reflection.services().await?,
        };
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// A pool that has `symbol`, if it is known at all, with everything that it needs.
    ///
    /// # Errors
    /// The server cannot be asked, or its descriptors make no sense. A symbol that is not known is no error.
    pub(crate) async fn pool_with(&mut self, symbol: &str) -> Result<DescriptorPool, Failure> {
        match self {
            Schema::Files(pool) => Ok(pool.clone()),
            Schema::Reflection(reflection) => reflection.pool_with(symbol).await,
        }
    }

    pub(crate) async fn service(&mut self, name: &str) -> Result<ServiceDescriptor, Failure> {
        let found = self.pool_with(name).await?.get_service_by_name(name);
        match found {
            Some(service) => Ok(service),
            None => Err(unknown("service", name, &self.services().await?)),
        }
    }

    /// A method by `service/method`, or with a dot.
    pub(crate) async fn method(&mut self, path: &str) -> Result<MethodDescriptor, Failure> {
        let (service, name) = path
            .trim_start_matches('/')
            .rsplit_once(['/', '.'])
            .ok_or_else(|| {
                Failure::usage(format!(
                    "{path:?} is not a method: write package.Service/Method"
                ))
            })?;
        let service = self.service(service).await?;
        let mut methods = service.methods();
        methods.find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<_> = service
                .methods()
                .map(|method| method.name().to_owned())
                .collect();
            unknown(&format!("method of {}", service.full_name()), name, &names)
        })
    }

    /// A message type, if it is known or can be asked for.
    pub(crate) async fn message(&mut self, name: &str) -> Option<MessageDescriptor> {
        self.pool_with(name).await.ok()?.get_message_by_name(name)
    }

    /// Says goodbye to the server, if one was asked.
    pub(crate) async fn close(&mut self) {
        if let Schema::Reflection(reflection) = self {
            reflection.close().await;
        }
    }
}

fn unknown(what: &str, name: &str, there: &[String]) -> Failure {
    let mut text = format!("there is no {what} called {name:?}");
    if !there.is_empty() {
        text += "; there is";
        for name in there {
            text += "\n  ";
            text += name;
        }
    }
    Failure::local(text)
}
