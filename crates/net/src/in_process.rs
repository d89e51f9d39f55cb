//! A channel to a server of the same process, without sockets.

use crate::{
    client::{ByteStream, Channel, ChannelBuilder},
    server::{ServeError, Server, Unbound},
};

/// Room of the pipe between the two ends, in each direction. HTTP/2's own windows hold senders back before it is full for long.
const PIPE: usize = 256 << 10;

impl Server {
    /// A channel to this server inside the process: no socket, no port, no TLS; everything else is as over a socket, because
    /// HTTP/2 is spoken all the same, through a pipe in memory. Deadlines, cancellation, metadata, statuses, limits and
    /// back-pressure are those of the wire. See the guide's chapter on testing for what it costs.
    ///
    /// The server lives as long as the channel and its clones. TLS settings are not applied, as nothing leaves the process; peers are
    /// named `in-process`. To have settings of the channel, or to shut the server down, go through [`unbound`](Server::unbound) and
    /// [`Unbound::channel_builder`].
    ///
    /// ```
    /// use farcall::Server;
    /// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, GreeterServer, HelloRequest}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Server::builder().add_service(GreeterServer::new(MyGreeter)).in_process()?;
    /// let reply = GreeterClient::new(channel).say_hello(HelloRequest { name: "Ada".into() }).await?;
    /// assert_eq!(reply.message, "Hello, Ada!");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`unbound`](Server::unbound).
    pub fn in_process(self) -> Result<Channel, ServeError> {
        Ok(self.unbound()?.channel())
    }
}

impl Unbound {
    /// A channel to this server inside the process, see [`Server::in_process`]. Every channel has connections of its own.
    pub fn channel(&self) -> Channel {
        let built = self.channel_builder().build();
        built.expect("the target and the default settings are well-formed")
    }

    /// The settings of a channel to this server inside the process; the credentials are said already.
    ///
    /// ```
    /// use farcall::Server;
    /// use std::time::Duration;
    /// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, GreeterServer, HelloRequest}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().add_service(GreeterServer::new(MyGreeter)).unbound()?;
    /// let channel = server.channel_builder().max_receive_message_size(1 << 20).build()?;
    /// GreeterClient::new(channel.clone()).say_hello(HelloRequest { name: "Ada".into() }).await?;
    /// let report = server.shut_down(Duration::from_secs(30)).await;
    /// assert_eq!(report.calls_cut, 0);
    /// # Ok(()) }
    /// ```
    pub fn channel_builder(&self) -> ChannelBuilder {
        let server = self.clone();
        let connect = move |_: &crate::Address| {
            let (near, far) = tokio::io::duplex(PIPE);
            tokio::spawn(server.serve_in_process(far));
            Box::pin(async { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
        };
        Channel::builder("passthrough:///in-process")
            .connector(connect)
            .insecure()
    }
}
