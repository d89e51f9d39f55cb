//! Which server a call was sent to.

use super::{Attempt, AttemptInterceptor};
use farcall_lb::balancer::PickOutcome;
use std::sync::{Arc, Mutex, PoisonError};

/// Learns which servers the attempts of a call were sent to, also if the call has failed: what other implementations have as the call
/// option `Peer`. Clones share what they know.
///
/// It keeps an address for each attempt that was sent, and forgets none: give one to a call, not to a channel, where it would grow with
/// every call.
///
/// ```
/// use farcall::interceptor::AskedPeers;
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, HelloRequest}, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = GreeterClient::new(local::channel(MyGreeter).await?);
/// # let request = HelloRequest { name: "Ada".into() };
/// let peers = AskedPeers::default();
/// let outcome = client.say_hello(request).attempt_interceptor(peers.clone()).await;
/// println!("{:?} by {:?}", outcome, peers.last()); // such as "10.0.0.1:50051"
/// # assert!(peers.last().unwrap().starts_with("127.0.0.1:"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct AskedPeers {
    addresses: Arc<Mutex<Vec<String>>>,
}

impl AskedPeers {
    /// The server of the attempt that ended last, of those that were sent, as its address is written. `None` before one has ended, or if
    /// none was sent.
    ///
    /// The attempts of a hedged call go on beside each other: those that lose may end after the one that has won.
    pub fn last(&self) -> Option<String> {
        self.addresses().last().cloned()
    }

    /// The servers of all attempts that have ended, in the order in which those did.
    pub fn all(&self) -> Vec<String> {
        self.addresses().clone()
    }

    fn addresses(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptInterceptor for AskedPeers {
    fn on_end(&self, _: &Attempt, outcome: &PickOutcome<'_>) {
        if let Some(peer) = outcome.peer {
            self.addresses().push(peer.to_owned());
        }
    }
}
