//! A journey through the Alps with a route guide, in the four kinds of call: `route-guide-client [TARGET]`.

use farcall::{Channel, Status};
use farcall_examples::{
    features,
    routeguide::{Point, Rectangle, RouteGuideClient, RouteNote},
};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args()
        .nth(1)
        .unwrap_or("dns:///localhost:50051".to_owned());
    let channel = Channel::builder(target).insecure().build()?;
    let client = RouteGuideClient::new(channel);

    get_feature(&client, degrees(45.9764, 7.6586)).await?;
    get_feature(&client, degrees(52.52, 13.405)).await?;
    list_features(&client).await?;
    record_route(&client).await?;
    route_chat(&client).await?;
    Ok(())
}

async fn get_feature(client: &RouteGuideClient, point: Point) -> Result<(), Status> {
    let feature = client.get_feature(point).await?;
    match feature.name.as_str() {
        "" => println!("At {} there is nothing to see.", place(&point)),
        name => println!("At {} there is {name}.", place(&point)),
    }
    Ok(())
}

async fn list_features(client: &RouteGuideClient) -> Result<(), Status> {
    let oberland = Rectangle {
        lo: Some(degrees(46.4, 7.6)),
        hi: Some(degrees(46.7, 8.2)),
    };
    println!("In the Bernese Oberland:");
    let mut features = client.list_features(oberland).await?;
    while let Some(feature) = features.message().await? {
        println!("  {}", feature.name);
    }
    Ok(())
}

async fn record_route(client: &RouteGuideClient) -> Result<(), Status> {
    let (mut points, summary) = client.record_route().split();
    for feature in features::all().into_iter().step_by(10) {
        points.send(feature.location.unwrap_or_default()).await?;
    }
    points.half_close();
    let summary = summary.await?;
    println!(
        "A journey over {} points, {} of them mountains, is {} km long.",
        summary.point_count,
        summary.feature_count,
        summary.distance / 1000,
    );
    Ok(())
}

async fn route_chat(client: &RouteGuideClient) -> Result<(), Status> {
    let (eiger, rigi) = (degrees(46.5775, 8.0053), degrees(47.0567, 8.4853));
    let (mut notes, mut answers) = client.route_chat().split();
    let taking = async {
        for (location, message) in [
            (eiger, "Mind the north face."),
            (rigi, "Take the train."),
            (eiger, "Made it!"),
        ] {
            notes
                .send(RouteNote {
                    location: Some(location),
                    message: message.to_owned(),
                })
                .await?;
        }
        notes.half_close();
        Ok(())
    };
    let reading = async {
        while let Some(note) = answers.message().await? {
            println!(
                "Somebody said at {}: {}",
                place(&note.location.unwrap_or_default()),
                note.message
            );
        }
        Ok(())
    };
    tokio::try_join!(taking, reading).map(drop)
}

fn degrees(latitude: f64, longitude: f64) -> Point {
    Point {
        latitude: (latitude * 1e7).round() as i32,
        longitude: (longitude * 1e7).round() as i32,
    }
}

fn place(point: &Point) -> String {
    format!(
        "{:.4} N, {:.4} E",
        f64::from(point.latitude) / 1e7,
        f64::from(point.longitude) / 1e7
    )
}
