//! The service of `route-guide-server` and `showcase-server`.

use crate::{
    features,
    routeguide::{Feature, Point, Rectangle, RouteGuide, RouteNote, RouteSummary},
};
use farcall::{Request, Response, Sender, Status, Streaming};
use std::{collections::HashMap, sync::Mutex, time::Instant};

/// Knows the mountains of the Alps, and what travellers have said about places.
#[derive(Debug)]
pub struct Guide {
    features: Vec<Feature>,
    /// The notes that were taken at each place.
    notes: Mutex<HashMap<Point, Vec<RouteNote>>>,
}

impl Default for Guide {
    fn default() -> Guide {
        Guide {
            features: features::all(),
            notes: Mutex::default(),
        }
    }
}

impl RouteGuide for Guide {
    async fn get_feature(&self, request: Request<Point>) -> Result<Response<Feature>, Status> {
        let known = self.at(&request).cloned();
        let nothing = || Feature {
            name: String::new(),
            location: Some(*request),
        };
        Ok(known.unwrap_or_else(nothing).into())
    }

    async fn list_features(
        &self,
        request: Request<Rectangle>,
        replies: &mut Sender<Feature>,
    ) -> Result<(), Status> {
        for feature in &self.features {
            let inside = feature
                .location
                .is_some_and(|place| features::contains(&request, &place));
            if inside && !feature.name.is_empty() {
                replies.send(feature.clone()).await?;
            }
        }
        Ok(())
    }

    async fn record_route(
        &self,
        mut requests: Request<Streaming<Point>>,
    ) -> Result<Response<RouteSummary>, Status> {
        let start = Instant::now();
        let (mut points, mut seen, mut metres) = (0, 0, 0.0);
        let mut last: Option<Point> = None;
        while let Some(point) = requests.message().await? {
            points += 1;
            seen += i32::from(
                self.at(&point)
                    .is_some_and(|feature| !feature.name.is_empty()),
            );
            metres += last.map_or(0.0, |last| features::distance(&last, &point));
            last = Some(point);
        }
        let summary = RouteSummary {
            point_count: points,
            feature_count: seen,
            distance: metres as i32,
            elapsed_time: start.elapsed().as_secs() as i32,
        };
        Ok(summary.into())
    }

    async fn route_chat(
        &self,
        mut requests: Request<Streaming<RouteNote>>,
        replies: &mut Sender<RouteNote>,
    ) -> Result<(), Status> {
        while let Some(note) = requests.message().await? {
            for earlier in self.exchange(note)? {
                replies.send(earlier).await?;
            }
        }
        Ok(())
    }
}

impl Guide {
    fn at(&self, point: &Point) -> Option<&Feature> {
        self.features
            .iter()
            .find(|feature| feature.location.as_ref() == Some(point))
    }

    /// Keeps a note, and gives the earlier ones of the same place.
    fn exchange(&self, note: RouteNote) -> Result<Vec<RouteNote>, Status> {
        let place = note
            .location
            .ok_or_else(|| Status::invalid_argument("a note needs a location"))?;
        let mut notes = self.notes.lock().expect("nobody panics with the lock");
        let here = notes.entry(place).or_default();
        let earlier = here.clone();
        here.push(note);
        Ok(earlier)
    }
}
