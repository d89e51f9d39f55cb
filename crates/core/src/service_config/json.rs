//! JSON that knows where in the text it stands.

use super::{duration, error::ServiceConfigError};
use serde_json::Value;
use std::{fmt, time::Duration};

/// A place in a JSON text that knows its path, so that whatever is wrong there can say where it is. A policy reads its
/// configuration with it.
///
/// A field that is `null` counts as absent, as in protobuf's JSON mapping; fields that nobody asks for are ignored
/// (gRFC A21).
///
/// ```
/// use farcall_core::service_config::{Json, ServiceConfigError};
///
/// fn choices(config: &Json) -> Result<u64, ServiceConfigError> {
///     let Some(count) = config.field("choiceCount")? else { return Ok(2) };
///     match count.as_u64()? {
///         0 | 1 => Err(count.error("must be at least 2")),
///         count => Ok(count),
///     }
/// }
///
/// assert_eq!(choices(&Json::parse("{}").unwrap()), Ok(2));
/// let error = choices(&Json::parse(r#"{"choiceCount": 1}"#).unwrap()).unwrap_err();
/// assert_eq!(error.to_string(), "service config: choiceCount: must be at least 2");
/// ```
#[derive(Clone, PartialEq)]
pub struct Json {
    value: Value,
    path: String,
}

impl Json {
    /// Reads a whole text; its path is empty.
    ///
    /// # Errors
    /// It is not JSON; the error says at which line and column.
    pub fn parse(text: &str) -> Result<Json, ServiceConfigError> {
        let value = serde_json::from_str(text)
            .map_err(|error| ServiceConfigError::new("", format!("not JSON: {error}")))?;
        let path = String::new();
        Ok(Json { value, path })
    }

    /// An empty object at `path`.
    pub fn empty_object(path: impl Into<String>) -> Json {
        let value = Value::Object(serde_json::Map::new());
        let path = path.into();
        Json { value, path }
    }

    /// Where this is, such as `methodConfig[0].timeout`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An error at this place.
    pub fn error(&self, problem: impl Into<String>) -> ServiceConfigError {
        ServiceConfigError::new(&*self.path, problem)
    }

    /// A field of an object; `None` if it is absent or `null`.
    ///
    /// # Errors
    /// This is no object.
    pub fn field(&self, name: &str) -> Result<Option<Json>, ServiceConfigError> {
        let Value::Object(fields) = &self.value else {
            return Err(self.expected("an object"));
        };
        let value = fields.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| self.child(name, value)))
    }

    /// A field of an object that must be there.
    ///
    /// # Errors
    /// This is no object, or has no such field.
    pub fn required(&self, name: &str) -> Result<Json, ServiceConfigError> {
        let missing = || self.error(format!("the field {name:?} is missing"));
        self.field(name)?.ok_or_else(missing)
    }

    /// All fields of an object, by name.
    ///
    /// # Errors
    /// This is no object.
    pub fn fields(&self) -> Result<Vec<(String, Json)>, ServiceConfigError> {
        let Value::Object(fields) = &self.value else {
            return Err(self.expected("an object"));
        };
        let fields = fields.iter();
        Ok(fields
            .map(|(name, value)| (name.clone(), self.child(name, value)))
            .collect())
    }

    /// The items of a list.
    ///
    /// # Errors
    /// This is no list.
    pub fn items(&self) -> Result<Vec<Json>, ServiceConfigError> {
        let Value::Array(items) = &self.value else {
            return Err(self.expected("a list"));
        };
        let items = items.iter().enumerate();
        Ok(items
            .map(|(index, value)| Json {
                value: value.clone(),
                path: format!("{}[{index}]", self.path),
            })
            .collect())
    }

    /// A text.
    ///
    /// # Errors
    /// This is none.
    pub fn as_str(&self) -> Result<&str, ServiceConfigError> {
        self.value.as_str().ok_or_else(|| self.expected("a text"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// This is neither.
    pub fn as_bool(&self) -> Result<bool, ServiceConfigError> {
        let expected = || self.expected("true or false");
        self.value.as_bool().ok_or_else(expected)
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// This is none.
    pub fn as_u64(&self) -> Result<u64, ServiceConfigError> {
        let expected = || self.expected("a whole number, not negative");
        self.value.as_u64().ok_or_else(expected)
    }

    /// A number.
    ///
    /// # Errors
    /// This is none.
    pub fn as_f64(&self) -> Result<f64, ServiceConfigError> {
        self.value.as_f64().ok_or_else(|| self.expected("a number"))
    }

    /// A duration, such as `"1.5s"` (protobuf's JSON mapping of `google.protobuf.Duration`). A negative one is zero.
    ///
    /// # Errors
    /// This is none, or has more than nine digits after the point, or is longer than 10,000 years.
    pub fn as_duration(&self) -> Result<Duration, ServiceConfigError> {
        let text = self.as_str()?;
        duration::parse(text)
            .ok_or_else(|| self.error(format!("{text:?} is no duration, such as \"1.5s\"")))
    }

    fn child(&self, name: &str, value: &Value) -> Json {
        let path = match &*self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let value = value.clone();
        Json { value, path }
    }

    fn expected(&self, what: &str) -> ServiceConfigError {
        let found = match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the text {text:?}"),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.error(format!("must be {what}, not {found}"))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The JSON text, without white space.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
