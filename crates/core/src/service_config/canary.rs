//! What a client is to those who try a service config on some clients first.

use super::{config::ServiceConfig, error::ServiceConfigError, json::Json};

/// What a client is to those who try a service config on some clients first (gRFC A2).
///
/// ```
/// use farcall_core::service_config::Canary;
///
/// let text = r#"[
///     {"clientLanguage": ["go", "java"], "serviceConfig": {}},
///     {"percentage": 10, "serviceConfig": {"loadBalancingPolicy": "round_robin"}},
///     {"serviceConfig": {"loadBalancingPolicy": "pick_first"}}
/// ]"#;
/// let policy = |percentile| {
///     let client = Canary { hostname: "box-1", percentile };
///     let config = client.choose(text).unwrap().unwrap();
///     config.load_balancing_policy().unwrap().to_owned()
/// };
/// assert_eq!([policy(9), policy(10)], ["round_robin", "pick_first"]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Canary<'a> {
    /// The name of the machine, as its system says it.
    pub hostname: &'a str,
    /// A number below 100 that was drawn for this client: it belongs to the choices with a greater percentage.
    pub percentile: u8,
}

/// How service configs name clients like this one.
const LANGUAGE: &str = "rust";
const CRITERIA: [&str; 4] = [
    "clientLanguage",
    "percentage",
    "clientHostname",
    "serviceConfig",
];

impl Canary<'_> {
    /// The first choice of a JSON list that this client fits; `None` if there is none.
    ///
    /// # Errors
    /// The text is no such list, or a choice has a field that nobody knows, a criterion of the wrong form or no config:
    /// who could be meant is not known then. Configs of choices that are not taken are not read.
    pub fn choose(self, text: &str) -> Result<Option<ServiceConfig>, ServiceConfigError> {
        let mut chosen = None;
        for choice in Json::parse(text)?.items()? {
            let fits = self.fits(&choice)?;
            let config = choice.required("serviceConfig")?;
            config.fields()?;
            if fits && chosen.is_none() {
                chosen = Some(config);
            }
        }
        chosen.as_ref().map(ServiceConfig::from_json).transpose()
    }

    fn fits(self, choice: &Json) -> Result<bool, ServiceConfigError> {
        for (name, field) in choice.fields()? {
            if !CRITERIA.contains(&&*name) {
                return Err(field.error("is no criterion"));
            }
        }
        let language = any(choice, "clientLanguage", |l| {
            l.eq_ignore_ascii_case(LANGUAGE)
        })?;
        let hostname = any(choice, "clientHostname", |name| name == self.hostname)?;
        let percentage = match choice.field("percentage")? {
            None => true,
            Some(field) => match field.as_u64()? {
                percentage @ 0..=100 => u64::from(self.percentile) < percentage,
                _ => return Err(field.error("must be from 0 to 100")),
            },
        };
        Ok(language && hostname && percentage)
    }
}

/// Whether one of the texts in the list fits, or there is none.
fn any(choice: &Json, name: &str, fits: impl Fn(&str) -> bool) -> Result<bool, ServiceConfigError> {
    let Some(list) = choice.field(name)? else {
        return Ok(true);
    };
    let items = list.items()?;
    let mut found = items.is_empty();
    for item in &items {
        found |= fits(item.as_str()?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Canary<'_> = Canary {
        hostname: "box-1",
        percentile: 42,
    };

    /// Which of several choices, each with its own policy name, is taken.
    fn taken(choices: &[&str]) -> Option<usize> {
        let number = |(i, criteria): (usize, &&str)| {
            format!(r#"{{{criteria} "serviceConfig": {{"loadBalancingPolicy": "{i}"}}}}"#)
        };
        let list: Vec<_> = choices.iter().enumerate().map(number).collect();
        let config = CLIENT.choose(&format!("[{}]", list.join(","))).unwrap()?;
        config.load_balancing_policy()?.parse().ok()
    }

    #[test]
    fn the_first_choice_that_fits_in_all_criteria_is_taken() {
        assert_eq!(taken(&[]), None);
        assert_eq!(taken(&["", ""]), Some(0));
        let go = r#""clientLanguage": ["go", "c++"],"#;
        let rust = r#""clientLanguage": ["go", "Rust"],"#;
        assert_eq!(taken(&[go]), None);
        assert_eq!(taken(&[go, rust, ""]), Some(1));
        let (here, there) = (
            r#""clientHostname": ["box-0", "box-1"],"#,
            r#""clientHostname": ["BOX-1"],"#,
        );
        assert_eq!(taken(&[there, here]), Some(1));
        let both = format!("{rust}{there}");
        assert_eq!(taken(&[&both, rust]), Some(1));
    }

    #[test]
    fn a_percentage_takes_the_clients_below_it() {
        let table = [(0, None), (42, None), (43, Some(0)), (100, Some(0))];
        for (percentage, expected) in table {
            assert_eq!(
                taken(&[&format!(r#""percentage": {percentage},"#)]),
                expected
            );
        }
    }

    #[test]
    fn an_empty_list_or_null_fits_every_client() {
        assert_eq!(
            taken(&[r#""clientLanguage": [], "clientHostname": null,"#]),
            Some(0)
        );
    }

    #[test]
    fn choices_that_break_the_form_are_refused_with_their_path() {
        let table = [
            ("{}", ""),
            (r#"[1]"#, "[0]"),
            (r#"[{"serviceConfig": {}}, {}]"#, "[1]"),
            (r#"[{"serviceConfig": 1}]"#, "[0].serviceConfig"),
            (
                r#"[{"percentage": 101, "serviceConfig": {}}]"#,
                "[0].percentage",
            ),
            (
                r#"[{"percentage": -1, "serviceConfig": {}}]"#,
                "[0].percentage",
            ),
            (
                r#"[{"percentage": "1", "serviceConfig": {}}]"#,
                "[0].percentage",
            ),
            (
                r#"[{"clientLanguage": "rust", "serviceConfig": {}}]"#,
                "[0].clientLanguage",
            ),
            (
                r#"[{"clientHostname": [1], "serviceConfig": {}}]"#,
                "[0].clientHostname[0]",
            ),
            (
                r#"[{"clientlanguage": [], "serviceConfig": {}}]"#,
                "[0].clientlanguage",
            ),
            (
                r#"[{"serviceConfig": {"methodConfig": 1}}]"#,
                "[0].serviceConfig.methodConfig",
            ),
        ];
        for (text, path) in table {
            assert_eq!(CLIENT.choose(text).expect_err(text).path(), path);
        }
        let hostile = r#"[{"x\ny\u001b[31m": 1, "serviceConfig": {}}]"#;
        let text = CLIENT.choose(hostile).unwrap_err().to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        let not_mine = r#"[{"serviceConfig": {}}, {"serviceConfig": {"methodConfig": 1}}]"#;
        assert!(CLIENT.choose(not_mine).unwrap().is_some());
    }
}
