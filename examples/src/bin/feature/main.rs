//! One feature each, both sides in one process: `feature NAME`; `feature` alone lists the names.

use std::{error::Error, process::ExitCode};

/// What an example comes to.
type Outcome = Result<(), Box<dyn Error>>;

macro_rules! features {
    ($($name:ident)*) => {
        $(mod $name;)*

        const NAMES: &[&str] = &[$(stringify!($name)),*];

        async fn run(name: &str) -> Option<Outcome> {
            match name {
                $(stringify!($name) => Some($name::run().await),)*
                _ => None,
            }
        }
    };
}

features! {
    call_credentials cancellation compression connectivity context deadline debugging dual_stack error_details error_handling
    flow_control graceful_stop hedging in_process interceptor keepalive load_balancing metadata multiplex mutual_tls name_resolving proxy
    retry service_config tls
    unix_abstract unix_socket wait_for_ready
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        NAMES.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    match run(&name).await {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("there is no {name}; there are: {}", NAMES.join(", "));
            ExitCode::from(2)
        }
    }
}
