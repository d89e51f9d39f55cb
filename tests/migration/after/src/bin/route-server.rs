use farcall::{Request, Response, Sender, Server, Status, Streaming};
use std::{collections::HashMap, time::Instant};
use travel::routeguide::{Feature, Point, Rectangle, RouteGuide, RouteGuideServer, RouteNote, RouteSummary};
use travel::{contains, features};

struct Guide {
    features: Vec<Feature>,
}

impl RouteGuide for Guide {
    async fn get_feature(&self, request: Request<Point>) -> Result<Response<Feature>, Status> {
        for feature in &self.features[..] {
            if feature.location.as_ref() == Some(&*request) {
                return Ok(Response::new(feature.clone()));
            }
        }
        Ok(Response::new(Feature::default()))
    }

    async fn list_features(&self, request: Request<Rectangle>, replies: &mut Sender<Feature>) -> Result<(), Status> {
        for feature in &self.features[..] {
            if contains(&request, &feature.location.unwrap_or_default()) {
                replies.send(feature.clone()).await?;
            }
        }
        Ok(())
    }

    async fn record_route(&self, mut request: Request<Streaming<Point>>) -> Result<Response<RouteSummary>, Status> {
        let mut summary = RouteSummary::default();
        let start = Instant::now();
        while let Some(point) = request.message().await? {
            summary.point_count += 1;
            if self.features.iter().any(|feature| feature.location == Some(point)) {
                summary.feature_count += 1;
            }
        }
        summary.elapsed_time = start.elapsed().as_secs() as i32;
        Ok(Response::new(summary))
    }

    async fn route_chat(
        &self,
        mut request: Request<Streaming<RouteNote>>,
        replies: &mut Sender<RouteNote>,
    ) -> Result<(), Status> {
        let mut notes: HashMap<Point, Vec<RouteNote>> = HashMap::new();
        while let Some(note) = request.message().await? {
            let here = notes.entry(note.location.unwrap_or_default()).or_default();
            for earlier in here.iter() {
                replies.send(earlier.clone()).await?;
            }
            here.push(note);
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50052".into());
    println!("serving on {addr}");
    let guide = Guide { features: features() };
    Server::builder().add_service(RouteGuideServer::new(guide)).serve(&addr).await?;
    Ok(())
}
