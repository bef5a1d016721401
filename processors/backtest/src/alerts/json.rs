//! A JSON array of objects, one an alert.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::faults::{Faults, cut};
use super::row::{Cell, Row, Spot};

/// The rows; elements that are no objects are faults.
pub(super) fn rows(text: &str, faults: &mut Faults) -> Result<Vec<Row>, String> {
    let elements: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| format!("is no JSON array of alerts: {error}"))?;
    let mut rows = Vec::with_capacity(elements.len());
    for (number, element) in (1..).zip(elements) {
        let spot = Spot::Element(number);
        match serde_json::from_str::<Pairs>(element.get()) {
            Ok(Pairs(cells)) => rows.push(Row { spot, table: None, cells }),
            Err(_) => {
                let found = cut(element.get());
                faults.add(
                    spot,
                    format!("{found} is no alert, it must be an object with a kind and its columns"),
                );
            }
        }
    }
    Ok(rows)
}

/// Keys and values in the file's order, a repeated key as often as it is there.
struct Pairs(Vec<(String, Cell)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    pairs.push((key, if value.is_null() { Cell::Null } else { Cell::Json(value) }));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
