//! A resolver of one's own: `numbered:greeter-*.example:50051?3` names three backends, `greeter-1` to `greeter-3`.

use farcall::lb::{
    Address, Target,
    resolver::{FixedResolver, ResolverFactory, ResolverKind},
    target::{TargetError, TargetProblem},
};

/// The scheme `numbered`.
#[derive(Debug)]
pub struct Numbered;

impl ResolverFactory for Numbered {
    fn scheme(&self) -> &str {
        "numbered"
    }

    fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
        let Some(Ok(last)) = target.query().map(str::parse::<u16>) else {
            let problem = TargetProblem::Other("how many? Such as ?3 at the end".into());
            return Err(TargetError::new(target.as_str(), problem));
        };
        let name = |number: u16| target.endpoint().replace('*', &number.to_string());
        let endpoints = (1..=last).map(|number| Address::named(name(number)).into());
        Ok(ResolverKind::Machine(Box::new(FixedResolver::new(
            endpoints,
        ))))
    }
}
