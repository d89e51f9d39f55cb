//! The command line of `cargo xtask fuzz`.

use std::io;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Run,
    List,
    Minimise,
}

#[derive(Debug)]
pub(super) struct Options {
    pub(super) what: What,
    /// Empty: all.
    pub(super) targets: Vec<String>,
    /// For each target.
    pub(super) seconds: u64,
    pub(super) jobs: usize,
}

impl Options {
    pub(super) fn parse(args: &[&str]) -> io::Result<Options> {
        let mut options = Options {
            what: What::Run,
            targets: Vec::new(),
            seconds: 60,
            jobs: 1,
        };
        let mut args = args.iter();
        while let Some(&arg) = args.next() {
            match arg {
                "--list" => options.what = What::List,
                "--minimise" => options.what = What::Minimise,
                "--seconds" => options.seconds = number(arg, args.next())?,
                "--jobs" => options.jobs = number(arg, args.next())?.max(1) as usize,
                _ if arg.starts_with('-') => {
                    return Err(io::Error::other(format!("fuzz has no option {arg}")));
                }
                target => options.targets.push(target.to_owned()),
            }
        }
        Ok(options)
    }
}

fn number(option: &str, value: Option<&&str>) -> io::Result<u64> {
    let value = value.and_then(|value| value.parse().ok());
    value.ok_or_else(|| io::Error::other(format!("{option} needs a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_options_may_be_mixed() {
        let options = Options::parse(&["frames", "--seconds", "5", "server"]).unwrap();
        assert_eq!(
            (options.what, options.seconds, options.jobs),
            (What::Run, 5, 1)
        );
        assert_eq!(options.targets, ["frames", "server"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(Options::parse(&["--fast"]).is_err());
        assert!(Options::parse(&["--seconds"]).is_err());
        assert!(Options::parse(&["--jobs", "many"]).is_err());
    }
}
