use std::{collections::HashMap, pin::Pin, sync::Arc, time::Instant};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use travel::routeguide::route_guide_server::{RouteGuide, RouteGuideServer};
use travel::routeguide::{Feature, Point, Rectangle, RouteNote, RouteSummary};
use travel::{contains, features};

struct Guide {
    features: Arc<Vec<Feature>>,
}

#[tonic::async_trait]
impl RouteGuide for Guide {
    async fn get_feature(&self, request: Request<Point>) -> Result<Response<Feature>, Status> {
        for feature in &self.features[..] {
            if feature.location.as_ref() == Some(request.get_ref()) {
                return Ok(Response::new(feature.clone()));
            }
        }
        Ok(Response::new(Feature::default()))
    }

    type ListFeaturesStream = ReceiverStream<Result<Feature, Status>>;

    async fn list_features(&self, request: Request<Rectangle>) -> Result<Response<Self::ListFeaturesStream>, Status> {
        let (tx, rx) = mpsc::channel(4);
        let features = self.features.clone();
        tokio::spawn(async move {
            for feature in &features[..] {
                if contains(request.get_ref(), &feature.location.unwrap_or_default()) {
                    if tx.send(Ok(feature.clone())).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(rx)))
    }

    async fn record_route(&self, request: Request<Streaming<Point>>) -> Result<Response<RouteSummary>, Status> {
        let mut stream = request.into_inner();
        let mut summary = RouteSummary::default();
        let start = Instant::now();
        while let Some(point) = stream.next().await {
            let point = point?;
            summary.point_count += 1;
            if self.features.iter().any(|feature| feature.location == Some(point)) {
                summary.feature_count += 1;
            }
        }
        summary.elapsed_time = start.elapsed().as_secs() as i32;
        Ok(Response::new(summary))
    }

    type RouteChatStream = Pin<Box<dyn Stream<Item = Result<RouteNote, Status>> + Send + 'static>>;

    async fn route_chat(
        &self,
        request: Request<Streaming<RouteNote>>,
    ) -> Result<Response<Self::RouteChatStream>, Status> {
        let mut stream = request.into_inner();
        let (tx, rx) = mpsc::channel(4);
        tokio::spawn(async move {
            let mut notes: HashMap<Point, Vec<RouteNote>> = HashMap::new();
            while let Some(note) = stream.next().await {
                let note = match note {
                    Ok(note) => note,
                    Err(status) => {
                        let _ = tx.send(Err(status)).await;
                        return;
                    }
                };
                let here = notes.entry(note.location.unwrap_or_default()).or_default();
                for earlier in here.iter() {
                    if tx.send(Ok(earlier.clone())).await.is_err() {
                        return;
                    }
                }
                here.push(note);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(rx))))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50052".into()).parse()?;
    println!("serving on {addr}");
    let guide = Guide { features: Arc::new(features()) };
    Server::builder().add_service(RouteGuideServer::new(guide)).serve(addr).await?;
    Ok(())
}
