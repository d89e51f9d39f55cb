//! `farcall health`.

use crate::{
    arguments::HealthArguments,
    connection::{self, Connected, prepared},
    failure::Failure,
    out,
};
use farcall::{
    Code, Status,
    health::{
        ServingStatus,
        proto::{HealthCheckRequest, HealthClient, HealthListRequest},
    },
};

/// Asks once, or watches.
///
/// # Errors
/// Also if the answer is anything but SERVING.
pub(crate) async fn run(arguments: HealthArguments) -> Result<(), Failure> {
    let connected = connection::connect(&arguments.target, &arguments.connection)?;
    let client = HealthClient::new(connected.channel.clone());
    let request = HealthCheckRequest {
        service: arguments.service.clone(),
    };
    match (arguments.list, arguments.watch) {
        (true, _) => list(&connected, &client).await,
        (_, true) => watch(&connected, &client, request).await,
        _ => {
            let response = prepared!(connected, client.check(request)).await;
            let response = response.map_err(|status| explained(&status, &arguments.service))?;
            out::write(response.status().as_str_name())?;
            judged(response.status())
        }
    }
}

async fn list(connected: &Connected, client: &HealthClient) -> Result<(), Failure> {
    let response = prepared!(connected, client.list(HealthListRequest {})).await?;
    let mut statuses: Vec<_> = response.statuses.iter().collect();
    statuses.sort_unstable_by_key(|(name, _)| *name);
    let mut outcome = Ok(());
    for (name, response) in statuses {
        let shown = if name.is_empty() {
            "(the server)"
        } else {
            name
        };
        out::write(&format!("{shown}: {}", response.status().as_str_name()))?;
        outcome = outcome.and(judged(response.status()));
    }
    outcome
}

/// A line for each change, until the time is over or somebody interrupts; the last one counts.
async fn watch(
    connected: &Connected,
    client: &HealthClient,
    request: HealthCheckRequest,
) -> Result<(), Failure> {
    let mut updates = prepared!(connected, client.watch(request)).await?;
    let mut last = None;
    loop {
        let update = tokio::select! {
            update = updates.message() => update,
            _ = tokio::signal::ctrl_c() => break,
        };
        match update {
            Ok(Some(response)) => {
                out::write(response.status().as_str_name())?;
                last = Some(response.status());
            }
            Ok(None) => break,
            Err(status) if status.code() == Code::DeadlineExceeded && last.is_some() => break,
            Err(status) => return Err(status.into()),
        }
    }
    judged(last.unwrap_or(ServingStatus::Unknown))
}

fn judged(status: ServingStatus) -> Result<(), Failure> {
    match status {
        ServingStatus::Serving => Ok(()),
        _ => Err(Failure::not_serving()),
    }
}

fn explained(status: &Status, service: &str) -> Failure {
    let text = crate::explain::headline(status);
    let hint = match status.code() {
        Code::NotFound => format!(
            "\nhint: the server does not tell the health of {service:?}; --list says of what it does"
        ),
        Code::Unimplemented => "\nhint: the server does not offer grpc.health.v1.Health".to_owned(),
        _ => String::new(),
    };
    Failure::status(status.code(), text + &hint)
}
