//! What server and client of the route guide share.

pub mod routeguide {
    tonic::include_proto!("routeguide");
}

use routeguide::{Feature, Point, Rectangle};

pub fn point(latitude: i32, longitude: i32) -> Point {
    Point { latitude, longitude }
}

/// Three mountains.
pub fn features() -> Vec<Feature> {
    [("Zugspitze", 474211000, 109852000), ("Watzmann", 475550000, 129220000), ("Säntis", 472493000, 93433000)]
        .map(|(name, latitude, longitude)| Feature {
            name: name.into(),
            location: Some(point(latitude, longitude)),
        })
        .into()
}

pub fn contains(area: &Rectangle, place: &Point) -> bool {
    let (Some(lo), Some(hi)) = (&area.lo, &area.hi) else {
        return false;
    };
    (lo.latitude..=hi.latitude).contains(&place.latitude) && (lo.longitude..=hi.longitude).contains(&place.longitude)
}
