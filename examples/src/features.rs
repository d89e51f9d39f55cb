//! The data of `route-guide`: mountains of the Alps.

use crate::routeguide::{Feature, Point, Rectangle};
use serde::Deserialize;

/// Every feature of `data/features.json`.
///
/// # Panics
/// If the file, which is part of the program, is not what it should be.
pub fn all() -> Vec<Feature> {
    let entries: Vec<Entry> = serde_json::from_str(include_str!("../data/features.json"))
        .expect("data/features.json is a list of features");
    entries.into_iter().map(Feature::from).collect()
}

/// Whether a point lies in a rectangle, whichever corners that names.
pub fn contains(area: &Rectangle, point: &Point) -> bool {
    let (lo, hi) = (area.lo.unwrap_or_default(), area.hi.unwrap_or_default());
    let between = |value: i32, a: i32, b: i32| (a.min(b)..=a.max(b)).contains(&value);
    between(point.latitude, lo.latitude, hi.latitude)
        && between(point.longitude, lo.longitude, hi.longitude)
}

/// Metres from one point to another along the great circle (haversine formula).
pub fn distance(from: &Point, to: &Point) -> f64 {
    const EARTH_RADIUS: f64 = 6_371_000.0;
    let radians = |e7: i32| (f64::from(e7) / 1e7).to_radians();
    let (from_lat, to_lat) = (radians(from.latitude), radians(to.latitude));
    let half_lat = (to_lat - from_lat) / 2.0;
    let half_long = (radians(to.longitude) - radians(from.longitude)) / 2.0;
    let a = half_lat.sin().powi(2) + from_lat.cos() * to_lat.cos() * half_long.sin().powi(2);
    2.0 * EARTH_RADIUS * a.sqrt().min(1.0).asin()
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    latitude: i32,
    longitude: i32,
}

impl From<Entry> for Feature {
    fn from(
        Entry {
            name,
            location: Location {
                latitude,
                longitude,
            },
        }: Entry,
    ) -> Feature {
        Feature {
            name,
            location: Some(Point {
                latitude,
                longitude,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: i32, longitude: i32) -> Point {
        Point {
            latitude,
            longitude,
        }
    }

    #[test]
    fn the_data_are_places_on_earth_and_no_two_are_the_same() {
        let mut places: Vec<_> = all()
            .iter()
            .filter_map(|feature| feature.location)
            .collect();
        assert!(
            places
                .iter()
                .all(|place| place.latitude.abs() <= 900_000_000)
        );
        let count = places.len();
        places.sort_by_key(|place| (place.latitude, place.longitude));
        places.dedup();
        assert_eq!((count, places.len()), (62, 62));
    }

    #[test]
    fn any_two_opposite_corners_name_a_rectangle() {
        let inside = point(5, 5);
        for (lo, hi) in [((0, 0), (10, 10)), ((10, 0), (0, 10)), ((10, 10), (0, 0))] {
            let area = Rectangle {
                lo: Some(point(lo.0, lo.1)),
                hi: Some(point(hi.0, hi.1)),
            };
            assert!(contains(&area, &inside), "{area:?}");
            assert!(!contains(&area, &point(11, 5)), "{area:?}");
        }
    }

    #[test]
    fn a_quarter_of_the_meridian_is_ten_thousand_kilometres() {
        let metres = distance(&point(0, 0), &point(900_000_000, 0));
        assert!((metres - 10_007_543.0).abs() < 1.0, "{metres}");
    }
}
