//! Command lines as Go's `flag` package reads them: `--name=value`, `--name value`, one dash or two.

use std::{collections::HashMap, error::Error, fmt, fmt::Write, str::FromStr};

/// A flag that a program knows.
#[derive(Debug)]
pub struct Flag {
    name: &'static str,
    /// The value when the flag is absent; `None` marks a switch.
    default: Option<&'static str>,
    help: &'static str,
}

impl Flag {
    /// A flag that is on or off, off by default.
    pub const fn switch(name: &'static str, help: &'static str) -> Flag {
        Flag {
            name,
            default: None,
            help,
        }
    }

    /// A flag with a value.
    pub const fn value(name: &'static str, default: &'static str, help: &'static str) -> Flag {
        Flag {
            name,
            default: Some(default),
            help,
        }
    }
}

/// A parsed command line.
#[derive(Debug)]
pub struct Flags {
    known: &'static [Flag],
    given: HashMap<&'static str, String>,
}

impl Flags {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// An unknown flag, a flag without its value, or an argument that is no flag.
    pub fn parse(
        known: &'static [Flag],
        args: impl IntoIterator<Item = String>,
    ) -> Result<Flags, Usage> {
        let mut args = args.into_iter().peekable();
        let mut given = HashMap::new();
        while let Some(arg) = args.next() {
            let (name, value) = split(&arg)?;
            if matches!(name, "help" | "h") {
                return Err(Usage(help(known)));
            }
            let Some(flag) = known.iter().find(|flag| flag.name == name) else {
                return Err(Usage(format!(
                    "unknown flag --{name}; --help lists the known ones"
                )));
            };
            let value = match (value, flag.default) {
                (Some(value), _) => value.to_owned(),
                (None, Some(_)) => args
                    .next()
                    .ok_or_else(|| Usage(format!("--{name} needs a value")))?,
                // Go's switches take no separate value, but Python's and Java's do.
                (None, None) => args
                    .next_if(|next| boolean(next).is_some())
                    .unwrap_or("true".to_owned()),
            };
            given.insert(flag.name, value);
        }
        let flags = Flags { known, given };
        for flag in known.iter().filter(|flag| flag.default.is_none()) {
            flags.boolean(flag.name)?;
        }
        Ok(flags)
    }

    /// A flag's value.
    ///
    /// # Panics
    /// If the program does not know the flag.
    pub fn text(&self, name: &str) -> &str {
        let flag = self.flag(name);
        self.given
            .get(name)
            .map_or(flag.default.unwrap_or("false"), String::as_str)
    }

    /// A flag's value; `None` if it is empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        boolean(self.text(name)).unwrap_or(false)
    }

    /// A flag's value as a number.
    ///
    /// # Errors
    /// If it is none, or does not fit.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<T, Usage> {
        let text = self.text(name);
        text.parse()
            .map_err(|_| Usage(format!("--{name}: {text:?} is not a number that fits")))
    }

    fn boolean(&self, name: &str) -> Result<bool, Usage> {
        let text = self.text(name);
        boolean(text).ok_or_else(|| Usage(format!("--{name}: {text:?} is neither true nor false")))
    }

    fn flag(&self, name: &str) -> &'static Flag {
        match self.known.iter().find(|flag| flag.name == name) {
            Some(flag) => flag,
            None => panic!("the program asks for its own flag --{name}, which is not in its list"),
        }
    }
}

/// What is wrong with a command line, or the help that it asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Usage {}

/// `--name=value` into its parts.
fn split(arg: &str) -> Result<(&str, Option<&str>), Usage> {
    let body = arg
        .strip_prefix("--")
        .or_else(|| arg.strip_prefix('-'))
        .filter(|body| !body.is_empty());
    let Some(body) = body else {
        return Err(Usage(format!("{arg:?} is not a flag")));
    };
    Ok(match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn help(known: &[Flag]) -> String {
    let mut text = String::from("flags:");
    for Flag {
        name,
        default,
        help,
    } in known
    {
        let default = default
            .filter(|value| !value.is_empty())
            .map_or(String::new(), |value| format!(" [{value}]"));
        let _ = write!(text, "\n  --{name}{default}\n        {help}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    static KNOWN: &[Flag] = &[
        Flag::value("port", "10000", "where to listen"),
        Flag::value("case", "", "what to run"),
        Flag::switch("use_tls", "whether to use TLS"),
    ];

    fn parse(args: &[&str]) -> Result<Flags, Usage> {
        Flags::parse(KNOWN, args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn values_follow_an_equals_sign_or_a_space_after_one_dash_or_two() {
        for args in [
            &["--port=7"][..],
            &["--port", "7"],
            &["-port=7"],
            &["-port", "7"],
        ] {
            assert_eq!(parse(args).unwrap().number("port"), Ok(7u16), "{args:?}");
        }
    }

    #[test]
    fn a_switch_stands_alone_or_says_true_or_false() {
        for (args, on) in [
            (&[][..], false),
            (&["--use_tls"], true),
            (&["--use_tls=true"], true),
            (&["--use_tls=0"], false),
            (&["--use_tls", "false"], false),
            (&["-use_tls", "--port=1"], true),
        ] {
            assert_eq!(parse(args).unwrap().is_on("use_tls"), on, "{args:?}");
        }
    }

    #[test]
    fn absent_flags_have_their_defaults_and_the_last_of_several_wins() {
        let flags = parse(&["--port=1", "--port=2"]).unwrap();
        assert_eq!(flags.text("port"), "2");
        assert_eq!(flags.optional("case"), None);
        assert_eq!(parse(&[]).unwrap().text("port"), "10000");
    }

    #[test]
    fn a_value_may_look_like_a_flag_or_hold_an_equals_sign() {
        assert_eq!(parse(&["--case", "--x"]).unwrap().text("case"), "--x");
        assert_eq!(parse(&["--case=a=b"]).unwrap().text("case"), "a=b");
    }

    #[test]
    fn whatever_is_not_understood_is_refused() {
        for args in [
            &["--prot=7"][..],
            &["port"],
            &["--"],
            &["--port"],
            &["--use_tls=maybe"],
            &["--use_tls", "maybe"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        assert!(parse(&["--port=x"]).unwrap().number::<u16>("port").is_err());
        assert!(
            parse(&["--port=70000"])
                .unwrap()
                .number::<u16>("port")
                .is_err()
        );
    }

    #[test]
    fn help_lists_every_flag_with_its_default() {
        let text = parse(&["--help"]).unwrap_err().0;
        assert!(
            text.contains("--port [10000]") && text.contains("--use_tls\n"),
            "{text}"
        );
    }
}
