//! `farcall call`.

mod codec;
mod messages;
mod requests;

use crate::{
    arguments::CallArguments,
    connection::{self, prepared},
    failure::Failure,
    headers,
    progress::Progress,
    schema::Schema,
    status,
};
use codec::Dynamic;
use farcall::{
    Encoding, Metadata, Method, MethodKind, Sender, Status, Streaming, client::BidiCall,
};
use messages::Messages;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use requests::Requests;

/// Calls a method with requests from the command line or stdin, and prints the responses on stdout.
pub(crate) async fn run(arguments: CallArguments) -> Result<(), Failure> {
    let encoding = encoding(&arguments)?;
    let connected = connection::connect(&arguments.target, &arguments.connection)?;
    let mut schema = Schema::new(&arguments.schema, &connected)?;
    let method = schema.method(&arguments.method).await?;
    let requests = requests::open(&arguments.requests, &method)?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    if arguments.verbose {
        eprint!(
            "* {path}{}\n{}",
            kind(&method),
            headers::lines(&connected.metadata, '>')
        );
    }
    // One way to call serves all four kinds: on the wire they are the same.
    let descriptor =
        farcall::MethodDescriptor::new(path, MethodKind::Bidi).map_err(Failure::local)?;
    let dynamic = Method::new(
        descriptor,
        Dynamic {
            response: method.output(),
        },
    );
    let mut call = prepared!(connected, BidiCall::new(&connected.channel, &dynamic))
        .max_receive_message_size(arguments.max_receive_size)
        .compress(encoding);
    if arguments.wait_for_ready {
        call = call.wait_for_ready();
    }
    let (sender, responses) = call.split();
    let mut exchange = Exchange {
        sender: Some(sender),
        responses,
        requests,
        progress: Progress::new(arguments.progress),
        messages: Messages::new(arguments.output),
        verbose: arguments.verbose,
        headers_told: false,
    };
    let outcome = exchange.run(&mut schema).await;
    exchange.progress.clear();
    match outcome {
        Ok(()) => {
            exchange.tell_end();
            if !method.is_server_streaming() && exchange.messages.count() != 1 {
                eprintln!(
                    "note: {} responses to a call that should have one",
                    exchange.messages.count()
                );
            }
            schema.close().await;
            Ok(())
        }
        Err(Ended::Here(failure)) => Err(failure),
        Err(Ended::There(status)) => {
            exchange.tell_failure(&status);
            let failure = status::failure(&status, &mut schema).await;
            schema.close().await;
            Err(failure)
        }
    }
}

fn encoding(arguments: &CallArguments) -> Result<Encoding, Failure> {
    let Some(name) = &arguments.compress else {
        return Ok(Encoding::Identity);
    };
    Encoding::from_name(name)
        .ok_or_else(|| Failure::usage(format!("there is no compression called {name:?}")))
}

fn kind(method: &MethodDescriptor) -> &'static str {
    match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => "",
        (true, false) => " (stream of requests)",
        (false, true) => " (stream of responses)",
        (true, true) => " (streams both ways)",
    }
}

/// Which side ended a call before its time.
enum Ended {
    Here(Failure),
    There(Status),
}

/// A call under way.
struct Exchange {
    /// Until everything is sent.
    sender: Option<Sender<DynamicMessage>>,
    responses: Streaming<DynamicMessage>,
    requests: Requests,
    progress: Progress,
    messages: Messages,
    verbose: bool,
    headers_told: bool,
}

/// What happens next.
enum Step {
    Request(Option<Result<DynamicMessage, String>>),
    Response(Result<Option<DynamicMessage>, Status>),
    Tick,
    Interrupted,
}

impl Exchange {
    /// Sends and receives at the same time, until the server ends the call.
    async fn run(&mut self, schema: &mut Schema) -> Result<(), Ended> {
        loop {
            let shown = self.progress.is_shown();
            let sending = self.sender.is_some();
            let step = tokio::select! {
                biased;
                response = self.responses.message() => Step::Response(response),
                request = self.requests.next(), if sending => Step::Request(request),
                () = Progress::tick(shown) => Step::Tick,
                _ = tokio::signal::ctrl_c() => Step::Interrupted,
            };
            match step {
                Step::Request(Some(Ok(request))) => self.send(request, schema).await?,
                Step::Request(Some(Err(text))) => return Err(Ended::Here(Failure::local(text))),
                Step::Request(None) => self.half_close(),
                Step::Response(Ok(Some(response))) => self.show(response, schema).await?,
                Step::Response(Ok(None)) => return Ok(()),
                Step::Response(Err(status)) => return Err(Ended::There(status)),
                Step::Tick => self.progress.show(),
                Step::Interrupted => return Err(Ended::There(Status::cancelled("interrupted"))),
            }
        }
    }

    /// A server that reads slowly may answer meanwhile.
    async fn send(&mut self, request: DynamicMessage, schema: &mut Schema) -> Result<(), Ended> {
        let Some(mut sender) = self.sender.take() else {
            return Ok(());
        };
        let sent = {
            let mut sending = std::pin::pin!(sender.send(request));
            loop {
                let shown = self.progress.is_shown();
                let step = tokio::select! {
                    biased;
                    sent = &mut sending => break sent,
                    response = self.responses.message() => response,
                    () = Progress::tick(shown) => { self.progress.show(); continue; }
                    _ = tokio::signal::ctrl_c() => return Err(Ended::There(Status::cancelled("interrupted"))),
                };
                match step.map_err(Ended::There)? {
                    Some(response) => self.show(response, schema).await?,
                    None => return Ok(()),
                }
            }
        };
        // If it was not sent, the responses end with the reason.
        if sent.is_ok() {
            self.progress.sent();
            self.sender = Some(sender);
        }
        Ok(())
    }

    fn half_close(&mut self) {
        if let Some(mut sender) = self.sender.take() {
            sender.half_close();
        }
    }

    async fn show(&mut self, response: DynamicMessage, schema: &mut Schema) -> Result<(), Ended> {
        self.tell_headers().await;
        self.progress.received();
        self.progress.clear();
        if self.responses.last_was_compressed() {
            self.messages.note_compressed();
        }
        self.messages
            .show(response, schema)
            .await
            .map_err(Ended::Here)
    }

    async fn tell_headers(&mut self) {
        if !self.verbose || self.headers_told {
            return;
        }
        self.headers_told = true;
        // They are there when a message is.
        if let Ok(metadata) = self.responses.metadata().await {
            eprint!("{}", headers::lines(metadata, '<'));
        }
    }

    fn tell_end(&self) {
        if self.verbose {
            let none = Metadata::new();
            let trailers = self.responses.trailers().unwrap_or(&none);
            eprintln!(
                "{}* OK, {}",
                headers::lines(trailers, '<'),
                self.messages.counted()
            );
        }
    }

    fn tell_failure(&self, status: &Status) {
        if self.verbose {
            if !self.headers_told {
                eprint!("{}", headers::lines(status.initial_metadata(), '<'));
            }
            eprint!("{}", headers::lines(status.metadata(), '<'));
            eprintln!("* {}, {}", status.code().name(), self.messages.counted());
        }
    }
}
