//! Header lists of the `http` crate and ours.

use bytes::Bytes;
use farcall_http2::{Field, Headers, KnownName, Name};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};

/// A request's header list as HTTP/2 would have handed it over.
pub(super) fn of_request(parts: &Parts) -> Headers {
    let uri = &parts.uri;
    let authority = uri.authority();
    let authority = authority.map(|name| Bytes::copy_from_slice(name.as_str().as_bytes()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = Headers::default();
    headers.method = Some(Bytes::copy_from_slice(parts.method.as_str().as_bytes()));
    headers.path = Some(Bytes::copy_from_slice(path.as_bytes()));
    headers.authority = authority;
    headers.fields = parts.headers.iter().map(field).collect();
    headers
}

fn field((name, value): (&HeaderName, &HeaderValue)) -> Field {
    let name = match KnownName::from_bytes(name.as_str().as_bytes()) {
        Some(known) => Name::Known(known),
        None => Name::from_bytes(Bytes::copy_from_slice(name.as_str().as_bytes())),
    };
    let field = Field::new(name, Bytes::copy_from_slice(value.as_bytes()));
    if value.is_sensitive() {
        field.sensitive()
    } else {
        field
    }
}

/// Our list as a map; pseudo-header fields are left out, as the `http` crate has them elsewhere.
pub(super) fn map<'a>(fields: impl Iterator<Item = &'a Field>) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(8);
    for field in fields {
        let name = match &field.name {
            Name::Known(known) if known.is_pseudo() => continue,
            name => HeaderName::from_bytes(name.as_bytes()),
        };
        // What the rules of metadata let through, these two do; a pair that they do not is left out.
        if let (Ok(name), Ok(mut value)) =
            (name, HeaderValue::from_maybe_shared(field.value.clone()))
        {
            value.set_sensitive(field.sensitive);
            map.append(name, value);
        }
    }
    map
}

/// The `:status` of a list.
pub(super) fn status<'a>(mut fields: impl Iterator<Item = &'a Field>) -> StatusCode {
    fields
        .find(|field| field.name == Name::Known(KnownName::Status))
        .and_then(|field| StatusCode::from_bytes(&field.value).ok())
        .unwrap_or(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_if_it_had_come_over_http2_of_ours() {
        let request = http::Request::post("http://me:80/p.S/M?x=1")
            .header("content-type", "application/grpc")
            .header("X-Two", "one")
            .header("x-two", "two")
            .body(())
            .unwrap();
        let headers = of_request(&request.into_parts().0);
        assert_eq!(headers.method.as_deref(), Some(&b"POST"[..]));
        assert_eq!(headers.path.as_deref(), Some(&b"/p.S/M?x=1"[..]));
        assert_eq!(headers.authority.as_deref(), Some(&b"me:80"[..]));
        assert_eq!(
            headers.find(KnownName::ContentType).unwrap(),
            "application/grpc"
        );
        let two: Vec<_> = headers
            .fields
            .iter()
            .filter(|f| f.name.as_bytes() == b"x-two")
            .collect();
        assert_eq!(
            (&two[0].value[..], &two[1].value[..]),
            (&b"one"[..], &b"two"[..])
        );
    }

    #[test]
    fn a_response_keeps_the_order_of_values_and_what_is_secret() {
        let list = [
            Field::new(KnownName::Status, "415"),
            Field::new(Name::from_static("x-a"), "1"),
            Field::new(KnownName::SetCookie, "secret"),
            Field::new(Name::from_static("x-a"), "2"),
        ];
        let headers = map(list.iter());
        assert_eq!(status(list.iter()), 415);
        assert_eq!(headers.len(), 3);
        let values: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(headers["set-cookie"].is_sensitive());
    }
}
