//! Which server answers.

use crate::{
    env::Env,
    failure::{Outcome, check, check_eq},
    pb::SimpleRequest,
};

const CALLS: usize = 100;

/// All calls of one channel must reach the same server: pick_first, whatever the number of servers.
pub(super) async fn pick_first_unary(env: &Env) -> Outcome {
    let client = env.client();
    let mut first: Option<String> = None;
    for _ in 0..CALLS {
        let request = SimpleRequest {
            fill_server_id: true,
            ..SimpleRequest::default()
        };
        let id = client
            .unary_call(env.request(request))
            .await?
            .into_inner()
            .server_id;
        check!(!id.is_empty(), "the server does not say its id");
        check_eq!(
            id,
            *first.get_or_insert_with(|| id.clone()),
            "the id of the server"
        );
    }
    Ok(())
}
