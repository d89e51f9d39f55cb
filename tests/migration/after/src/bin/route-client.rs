use farcall::Channel;
use travel::routeguide::{Rectangle, RouteGuideClient, RouteNote};
use travel::{features, point};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50052".into());
    let client = RouteGuideClient::new(Channel::builder(addr).insecure().build()?);

    let response = client.get_feature(point(474211000, 109852000)).await?;
    println!("feature: {}", response.name);

    let area = Rectangle { lo: Some(point(470000000, 90000000)), hi: Some(point(475000000, 110000000)) };
    let mut stream = client.list_features(area).await?;
    while let Some(feature) = stream.message().await? {
        println!("in the area: {}", feature.name);
    }

    let points: Vec<_> = features().into_iter().filter_map(|feature| feature.location).collect();
    let response = client.record_route().send_all(tokio_stream::iter(points)).await?;
    println!("points: {}", response.point_count);

    let notes = ["first", "second", "third"].map(|message| RouteNote {
        location: Some(point(1, 2)),
        message: message.into(),
    });
    let (mut sender, mut replies) = client.route_chat().split();
    tokio::spawn(async move {
        if sender.send_all(tokio_stream::iter(notes)).await.is_ok() {
            sender.half_close();
        }
    });
    while let Some(note) = replies.message().await? {
        println!("noted before: {}", note.message);
    }
    Ok(())
}
