//! A failed call, as it is shown: code, message, details, causes.

use crate::{
    arguments::Output,
    explain::{headline, hint},
    failure::Failure,
    headers, json,
    schema::Schema,
};
use farcall::{Status, reflection::ReflectionService, server::Service, status::Any};
use prost_reflect::{DescriptorPool, DynamicMessage};
use std::fmt::Write;

/// Whoever wants details on one line each does not want them here: errors are for people.
const FOR_PEOPLE: Output = Output {
    compact: false,
    defaults: false,
    proto_names: false,
};

/// Everything that is known about the failure of a call. Types of details that are not known yet are asked for.
pub(crate) async fn failure(status: &Status, schema: &mut Schema) -> Failure {
    let mut text = headline(status);
    for detail in status.any_details() {
        let _ = write!(text, "\n  {}", detail.type_name());
        text.push_str(&indented(&shown(detail, schema).await));
    }
    text.push_str(hint(status));
    Failure::status(status.code(), text)
}

async fn shown(detail: &Any, schema: &mut Schema) -> String {
    let name = detail.type_name();
    let known = schema
        .message(name)
        .await
        .or_else(|| standard().get_message_by_name(name));
    let message = known.and_then(|known| DynamicMessage::decode(known, detail.value.clone()).ok());
    match message.map(|message| json::print(&message, FOR_PEOPLE)) {
        Some(Ok(json)) => json,
        _ => format!(
            "{} bytes, base64: {}",
            detail.value.len(),
            headers::base64(&detail.value)
        ),
    }
}

/// `google.rpc`'s, which servers send whether or not they describe them.
fn standard() -> DescriptorPool {
    DescriptorPool::decode(ReflectionService::FILE_DESCRIPTOR_SET).expect("a test decodes it")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_details_are_known() {
        for name in [
            "google.rpc.BadRequest",
            "google.rpc.RetryInfo",
            "google.rpc.ErrorInfo",
        ] {
            assert!(standard().get_message_by_name(name).is_some(), "{name}");
        }
    }
}
