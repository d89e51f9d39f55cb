//! What a channel's user can know and say about its connectivity.

use super::{channel::Channel, control, inbox::Order, shared::closed};
use farcall_core::Status;
use farcall_lb::ConnectivityState;
use tokio::sync::oneshot;

impl Channel {
    /// The state of connectivity (gRPC's connectivity semantics document). Calls on an idle channel connect it.
    ///
    /// A channel is idle when it is new, when it has lost its connection and nobody has called since, and after its
    /// [`idle_timeout`](super::ChannelBuilder::idle_timeout).
    pub fn state(&self) -> ConnectivityState {
        self.shared().picks.state()
    }

    /// Waits until the state is another one than `last`, and gives it. States that pass quickly may be missed.
    ///
    /// Nothing is connected for it: an idle channel stays idle until somebody calls or [`connect`](Self::connect)s.
    /// A closed channel's state never changes again.
    ///
    /// ```
    /// use farcall::{Channel, ConnectivityState};
    /// # use farcall_examples::{greeter::MyGreeter, local};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let target = local::channel(MyGreeter).await?.target();
    /// let channel = Channel::builder(target).insecure().build()?;
    /// let watched = channel.clone();
    /// let watch = tokio::spawn(async move {
    ///     let mut state = watched.state();
    ///     while state != ConnectivityState::Ready {
    ///         state = watched.wait_for_state_change(state).await;
    ///     }
    /// });
    /// channel.connect().await?;
    /// watch.await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn wait_for_state_change(&self, last: ConnectivityState) -> ConnectivityState {
        self.shared().picks.state_other_than(last).await
    }

    /// Connects, if the channel is idle, and waits until it is ready.
    ///
    /// ```
    /// use farcall::{Channel, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Channel::builder("ipv4:127.0.0.1:1").insecure().build()?;
    /// let status = channel.connect().await.unwrap_err();
    /// assert_eq!(status.code(), Code::Unavailable);
    /// assert!(status.to_string().contains("127.0.0.1:1"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `UNAVAILABLE` with the reason in the cause chain once every address has failed: the channel goes on trying.
    /// `CANCELLED` if the channel is closed. `FAILED_PRECONDITION` outside a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the channel connecting.
    pub async fn connect(&self) -> Result<(), Status> {
        let (answer, outcome) = oneshot::channel();
        self.order(Order::Connect(answer))?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Ends the pauses after failed attempts to connect and failed look-ups of the name: whatever waits tries again now,
    /// and the pauses begin with the shortest again. For programs that know better, such as after the network came back.
    ///
    /// The pause between successful look-ups stays
    /// ([`min_resolution_interval`](super::ChannelBuilder::min_resolution_interval)).
    pub fn reset_backoff(&self) {
        control::order_if_started(self.shared(), Order::ResetBackoff);
    }

    /// Closes the channel for good, for all its clones: its connections are cut, open calls and all that come fail with
    /// `CANCELLED`. A second time changes nothing.
    ///
    /// To let open calls end, drop the clones instead: the connections close behind the last call.
    ///
    /// ```
    /// use farcall::{Channel, Code, ConnectivityState};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Channel::builder("ipv4:127.0.0.1:50051").insecure().build()?;
    /// channel.close();
    /// assert_eq!(channel.state(), ConnectivityState::Shutdown);
    /// assert_eq!(channel.connect().await.unwrap_err().code(), Code::Cancelled);
    /// # Ok(()) }
    /// ```
    pub fn close(&self) {
        // At once, for those who call right behind this; connections follow.
        self.shared().picks.close(&closed());
        if !control::order_if_started(self.shared(), Order::Close) {
            // Perhaps somebody else has just started what is not to be started any more.
            for order in self.shared().inbox.close().orders {
                order.fail(&closed());
            }
        }
    }
}
