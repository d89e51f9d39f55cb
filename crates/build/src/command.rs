//! `farcall-build gen [--check]`: code that is checked in.

use crate::{config::Config, error::Error, options};

/// Runs `gen` with the arguments that follow it on the command line, and returns what to print on success.
///
/// ```text
/// farcall-build gen [--check] [-I DIR]... [--out DIR] [--OPTION VALUE]... FILE.proto...
/// farcall-build gen [--check] [--out DIR] [--OPTION VALUE]... --descriptor-set FILE
/// ```
///
/// Options are those of [`run_plugin`](crate::run_plugin), with dashes: `--extern-path .acme=::acme`.
///
/// # Errors
/// A wrong argument (the message ends with the usage), and all errors of [`Config::emit_to`] and [`Config::check`].
pub fn run_gen(arguments: impl IntoIterator<Item = String>) -> Result<String, Error> {
    let mut config = Config::new();
    let mut directory = ".".to_owned();
    let mut check = false;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix('-') else {
            config = config.proto(argument);
            continue;
        };
        let (flag, inline) = match flag.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (flag.to_owned(), None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| usage(&format!("{argument} needs a value")))
        };
        match flag.as_str() {
            "-check" => check = true,
            "-help" | "h" => return Ok(help()),
            "I" | "-include" => config = config.include(value()?),
            "-out" => directory = value()?,
            "-protoc" => config = config.protoc(value()?),
            "-descriptor-set" => config = config.descriptor_set_file(value()?),
            _ => {
                let option = flag
                    .strip_prefix('-')
                    .ok_or_else(|| usage(&format!("there is no option {argument}")))?;
                let option = option.replace('-', "_");
                config = options::apply(config, &option, Some(&value()?))
                    .map_err(|message| usage(&message))?;
            }
        }
    }
    let name = format!("{directory}/{}.rs", config.name);
    if check {
        config.check(&directory)?;
        return Ok(format!("{name} is fresh"));
    }
    config.emit_to(&directory)?;
    Ok(format!("{name} is written"))
}

fn usage(complaint: &str) -> Error {
    Error::new(format!("{complaint}\n\n{}", help()))
}

fn help() -> String {
    let options: String = options::HELP
        .lines()
        .map(|line| match line.split_once('=') {
            Some((name, rest)) if !line.starts_with(' ') => {
                format!("  --{}={rest}\n", name.replace('_', "-"))
            }
            _ => format!("    {line}\n"),
        })
        .collect();
    format!(
        "farcall-build gen [--check] [--out DIR] [-I DIR]... [OPTION]... FILE.proto...\n\
         farcall-build gen [--check] [--out DIR] [OPTION]... --descriptor-set FILE\n\n\
         \x20 --check                       compare with what is there, write nothing\n\
         \x20 --protoc PATH                 compile with this protoc (editions need one)\n{options}"
    )
}
