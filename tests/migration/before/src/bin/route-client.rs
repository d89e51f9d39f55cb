use tonic::Request;
use travel::routeguide::route_guide_client::RouteGuideClient;
use travel::routeguide::{Rectangle, RouteNote};
use travel::{features, point};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50052".into());
    let mut client = RouteGuideClient::connect(format!("http://{addr}")).await?;

    let response = client.get_feature(Request::new(point(474211000, 109852000))).await?;
    println!("feature: {}", response.into_inner().name);

    let area = Rectangle { lo: Some(point(470000000, 90000000)), hi: Some(point(475000000, 110000000)) };
    let mut stream = client.list_features(Request::new(area)).await?.into_inner();
    while let Some(feature) = stream.message().await? {
        println!("in the area: {}", feature.name);
    }

    let points: Vec<_> = features().into_iter().filter_map(|feature| feature.location).collect();
    let response = client.record_route(Request::new(tokio_stream::iter(points))).await?;
    println!("points: {}", response.into_inner().point_count);

    let notes = ["first", "second", "third"].map(|message| RouteNote {
        location: Some(point(1, 2)),
        message: message.into(),
    });
    let mut replies = client.route_chat(Request::new(tokio_stream::iter(notes))).await?.into_inner();
    while let Some(note) = replies.message().await? {
        println!("noted before: {}", note.message);
    }
    Ok(())
}
