//! Where requests come from: the command line, files, stdin.

use crate::{failure::Failure, json};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use std::{
    fs::File,
    io::{BufReader, Cursor, Read, empty, stdin},
    thread,
};
use tokio::sync::mpsc::{Receiver, channel};

/// Requests that are read ahead of those that are not sent yet.
const AHEAD: usize = 16;

/// The requests of a call, in order. Reading happens in a thread of its own, so that an interactive stdin holds nothing up.
pub(super) struct Requests(Receiver<Result<DynamicMessage, String>>);

impl Requests {
    /// The next one; an error is the last.
    pub(super) async fn next(&mut self) -> Option<Result<DynamicMessage, String>> {
        self.0.recv().await
    }
}

/// # Errors
/// A file cannot be opened. If the method takes one request: there is none, or another one, or it does not fit.
pub(super) fn open(arguments: &[String], method: &MethodDescriptor) -> Result<Requests, Failure> {
    let many = method.is_client_streaming();
    let source = source(arguments, many)?;
    let mut messages = json::messages(source, method.input());
    let (sender, receiver) = channel(AHEAD);
    if many {
        thread::spawn(move || {
            // Nobody receives any more once the call is over.
            messages.all(|message| sender.blocking_send(message).is_ok())
        });
        return Ok(Requests(receiver));
    }
    let one = match messages.next() {
        Some(message) => message.map_err(Failure::local)?,
        None if arguments.is_empty() => DynamicMessage::new(method.input()),
        None => return Err(Failure::local("there is no request in the input")),
    };
    if let Some(another) = messages.next() {
        another.map_err(Failure::local)?;
        return Err(Failure::local(format!(
            "{} takes one request",
            method.full_name()
        )));
    }
    sender.try_send(Ok(one)).expect("there is room for one");
    Ok(Requests(receiver))
}

fn source(arguments: &[String], many: bool) -> Result<Box<dyn Read + Send>, Failure> {
    let mut all: Box<dyn Read + Send> = match arguments.is_empty() && many {
        true => Box::new(BufReader::new(stdin())),
        false => Box::new(empty()),
    };
    for argument in arguments {
        let one: Box<dyn Read + Send> = match argument.strip_prefix('@') {
            None if argument == "-" => Box::new(BufReader::new(stdin())),
            None => Box::new(Cursor::new(argument.clone().into_bytes())),
            Some(path) => {
                let file =
                    File::open(path).map_err(|error| Failure::local(format!("{path}: {error}")))?;
                Box::new(BufReader::new(file))
            }
        };
        // Numbers that stand side by side would be one.
        all = Box::new(all.chain(one).chain(Cursor::new(b"\n")));
    }
    Ok(all)
}
