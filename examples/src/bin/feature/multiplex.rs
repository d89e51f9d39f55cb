//! Several services on one server, several clients on one channel, all calls at once on one connection.

use crate::Outcome;
use farcall::{Channel, Server};
use farcall_examples::{
    greeter::MyGreeter,
    guide::Guide,
    hello::{GreeterClient, GreeterServer, HelloRequest},
    routeguide::{Point, RouteGuideClient, RouteGuideServer},
};

pub(crate) async fn run() -> Outcome {
    let server = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .add_service(RouteGuideServer::new(Guide::default()))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("ipv4:{}", server.local_addr()?);
    tokio::spawn(server.serve());

    let channel = Channel::builder(target).insecure().build()?;
    let greeter = GreeterClient::new(channel.clone());
    let guide = RouteGuideClient::new(channel);

    // A stream stays open while the other calls come and go.
    let (mut names, mut greetings) = greeter.say_hello_to_each().split();
    let nowhere = guide.get_feature(Point::default()).await?;
    println!("at (0, 0) there is {:?}", nowhere.name);
    let calls: Vec<_> = (0..100)
        .map(|n| tokio::spawn(greeter.say_hello(HelloRequest { name: n.to_string() }).into_future()))
        .collect();
    let mut greeted = 0;
    for call in calls {
        greeted += usize::from(call.await?.is_ok());
    }
    println!("{greeted} greeted at once");
    names.send(HelloRequest { name: "everybody".into() }).await?;
    println!("{}", greetings.message().await?.unwrap_or_default().message);
    Ok(())
}
