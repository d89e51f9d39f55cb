//! The proxy that the environment names.

use super::{bypass::Bypass, url::ProxyUrl};

/// What `HTTPS_PROXY` and `NO_PROXY` say; gRPC's programs use the proxy for HTTPS whether or not a channel has TLS.
pub(super) struct Environment {
    pub(super) url: ProxyUrl,
    pub(super) bypass: Bypass,
}

impl Environment {
    /// Reads the variables through `variable`: the name in capitals first. `None`: there is no proxy.
    ///
    /// # Errors
    /// The URL cannot be used; the text names the variable and not its value, which may hold a password.
    pub(super) fn read(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Environment>, String> {
        let any = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.is_empty())?;
                Some((name, value))
            })
        };
        let Some((name, value)) = any(["HTTPS_PROXY", "https_proxy"]) else {
            return Ok(None);
        };
        let url = ProxyUrl::parse(&value).map_err(|problem| {
            format!("the environment variable {name} names no proxy that can be used: {problem}")
        })?;
        let bypass = any(["NO_PROXY", "no_proxy"]);
        let bypass = bypass.map(|(_, list)| Bypass::parse(&list));
        Ok(Some(Environment {
            url,
            bypass: bypass.unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Environment>, String> {
        Environment::read(|name| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn capitals_come_first_and_empty_variables_count_as_absent() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("HTTPS_PROXY", "")]).unwrap().is_none());
        assert!(
            read(&[("HTTP_PROXY", "http://p"), ("ALL_PROXY", "http://p")])
                .unwrap()
                .is_none()
        );
        let both = [("HTTPS_PROXY", "a:1"), ("https_proxy", "b:1")];
        assert_eq!(read(&both).unwrap().unwrap().url.host, "a");
        let lower = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "b:1"),
            ("no_proxy", "*"),
        ];
        let found = read(&lower).unwrap().unwrap();
        assert_eq!(found.url.host, "b");
        assert_eq!(found.bypass, Bypass::parse("*"));
    }

    #[test]
    fn a_bad_url_is_an_error_that_names_the_variable_and_no_secret() {
        let error = read(&[("https_proxy", "http://ada:secret@:80")])
            .err()
            .unwrap();
        assert!(error.contains("https_proxy"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
