//! What happens to the fleet.

mod churn;
mod hedging;
mod scaling;

use crate::{options::Options, report::Report};
use std::{error::Error, future::Future, pin::Pin};

type Running<'a> = Pin<Box<dyn Future<Output = Result<Report, Box<dyn Error>>> + 'a>>;
type Scenario = for<'a> fn(&'a Options) -> Running<'a>;

/// Name and program of each, in order.
const ALL: &[(&str, Scenario)] = &[
    ("churn", |options| Box::pin(churn::churn(options))),
    ("hedging", |options| Box::pin(hedging::hedging(options))),
    ("scaling", |options| Box::pin(scaling::scaling(options))),
];

/// The names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Runs one.
///
/// # Errors
/// It could not be run to its end.
pub async fn run(name: &str, options: &Options) -> Result<Report, Box<dyn Error>> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, scenario) = found.ok_or_else(|| format!("there is no scenario {name}"))?;
    scenario(options).await
}
