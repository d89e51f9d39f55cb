//! Options as text: the parameters of the plugin and the flags of the command.

use crate::config::Config;

/// Names that [`apply`] knows, with what they take.
pub(crate) const HELP: &str = "\
server=true|false           generate server traits (default: true)
client=true|false           generate clients (default: true)
embed_descriptors=true|false
                            the constant FILE_DESCRIPTOR_SET, for reflection (default: true)
extern_path=.proto=::rust   the types of a package, or one type, exist already
runtime=::path              the path of the crate farcall
prost=::path                the path of the crate prost (default: ::farcall::prost)
prost_types=true|false      google.protobuf types from prost-types (default: true)
bytes=.path                 only these bytes fields are Bytes (default: all)
btree_map=.path             these maps are BTreeMap
boxed=.path                 these fields are in a Box
type_attribute=.path=#[a]   an attribute for messages, enums and oneofs; also message_attribute, enum_attribute,
                            field_attribute
messages_in=crate::messages another generator makes the messages; they are in this module
codec=::farcall_buffa::Buffa
                            the codec of all methods (default: prost's)
requests_as=::path          handlers get path<M> in place of a message M
responses_as=::path         clients get path<M> in place of a message M
name=farcall                the name of the output without extension";

/// Applies one option.
///
/// # Errors
/// A sentence, if there is no such option or its value is wrong.
pub(crate) fn apply(config: Config, option: &str, value: Option<&str>) -> Result<Config, String> {
    let text = || {
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("option {option} needs a value"))
    };
    let pair = || -> Result<(&str, &str), String> {
        text()?
            .split_once('=')
            .ok_or_else(|| format!("option {option} needs a value of the form .path=text"))
    };
    let yes = || match value {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(format!("option {option} is either true or false")),
    };
    Ok(match option {
        "server" => config.server(yes()?),
        "client" => config.client(yes()?),
        "embed_descriptors" => config.embed_descriptors(yes()?),
        "runtime" => config.runtime(text()?),
        "prost" => config.prost(text()?),
        "prost_types" => config.prost_types(yes()?),
        "messages_in" => config.messages_in(text()?),
        "codec" => config.codec(text()?),
        "requests_as" => config.requests_as(text()?),
        "responses_as" => config.responses_as(text()?),
        "name" => config.name(text()?),
        "bytes" => config.also_bytes(text()?),
        "btree_map" => config.btree_map(text()?),
        "boxed" => config.boxed(text()?),
        "extern_path" => pair().map(|(proto, rust)| config.extern_path(proto, rust))?,
        "type_attribute" => pair().map(|(path, text)| config.type_attribute(path, text))?,
        "message_attribute" => pair().map(|(path, text)| config.message_attribute(path, text))?,
        "enum_attribute" => pair().map(|(path, text)| config.enum_attribute(path, text))?,
        "field_attribute" => pair().map(|(path, text)| config.field_attribute(path, text))?,
        _ => return Err(format!("there is no option {option}")),
    })
}
