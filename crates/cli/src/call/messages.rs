//! Responses on stdout.

use crate::{arguments::Output, failure::Failure, json, out, schema::Schema};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, Value};

/// Prints responses and counts them.
pub(super) struct Messages {
    output: Output,
    count: u64,
    compressed: u64,
    /// The responses' type with all types that were found in an `Any`, once there was one that the method does not name.
    richer: Option<MessageDescriptor>,
}

impl Messages {
    pub(super) fn new(output: Output) -> Messages {
        Messages {
            output,
            count: 0,
            compressed: 0,
            richer: None,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One that is to be shown came compressed.
    pub(super) fn note_compressed(&mut self) {
        self.compressed += 1;
    }

    /// For people.
    pub(super) fn counted(&self) -> String {
        let responses = match self.count {
            1 => "1 response".to_owned(),
            count => format!("{count} responses"),
        };
        match self.compressed {
            0 => responses,
            all if all == self.count => format!("{responses}, compressed"),
            some => format!("{responses}, {some} of them compressed"),
        }
    }

    /// # Errors
    /// stdout is closed, or the message holds something that nobody can describe.
    pub(super) async fn show(
        &mut self,
        message: DynamicMessage,
        schema: &mut Schema,
    ) -> Result<(), Failure> {
        self.count += 1;
        let text = match json::print(&message, self.output) {
            Ok(text) => text,
            Err(_) => self.with_more_types(&message, schema).await?,
        };
        out::write(&text)
    }

    /// Asks for the types of what the message has in `google.protobuf.Any`, and reads it again.
    async fn with_more_types(
        &mut self,
        message: &DynamicMessage,
        schema: &mut Schema,
    ) -> Result<String, Failure> {
        let mut names = Vec::new();
        any_types(message, &mut names);
        for name in &names {
            schema.message(name).await;
        }
        let name = message.descriptor().full_name().to_owned();
        self.richer = schema.message(&name).await.or(self.richer.take());
        let richer = self.richer.clone().unwrap_or_else(|| message.descriptor());
        let again = DynamicMessage::decode(richer, message.encode_to_vec().as_slice())
            .map_err(Failure::local)?;
        json::print(&again, self.output).map_err(|error| {
            let count = self.count;
            Failure::local(format!(
                "response {count} cannot be shown as JSON: {error}; it is {again:?}"
            ))
        })
    }
}

fn any_types(message: &DynamicMessage, names: &mut Vec<String>) {
    if message.descriptor().full_name() == "google.protobuf.Any" {
        if let Some(url) = message.get_field_by_name("type_url") {
            let url = url.as_str().unwrap_or_default();
            names.push(url.rsplit('/').next().unwrap_or_default().to_owned());
        }
        return;
    }
    for (_, value) in message.fields() {
        in_value(value, names);
    }
}

fn in_value(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Message(message) => any_types(message, names),
        Value::List(values) => values.iter().for_each(|value| in_value(value, names)),
        Value::Map(entries) => entries.values().for_each(|value| in_value(value, names)),
        _ => {}
    }
}
