//! Spans as a collector takes them: OTLP over HTTP, JSON.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use serde_json::{Value, json};

use super::span::Ended;

/// Where below a collector's address spans go.
pub(super) const PATH: &str = "/v1/traces";
pub(super) const CONTENT_TYPE: &str = "application/json";

/// Who says it.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) host: String,
    pub(super) process: u32,
}

/// One request's body.
pub(super) fn request(resource: &Resource, spans: &[Ended]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "bellwether"),
            text("service.version", version),
            text("host.name", &resource.host),
            {"key": "process.pid", "value": {"intValue": resource.process.to_string()}},
        ]},
        "scopeSpans": [{
            "scope": {"name": "bellwether", "version": version},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]});
    body.to_string().into_bytes()
}

fn span(ended: &Ended) -> Value {
    let nanoseconds = |time: bellwether_schemas::Timestamp| (i128::from(time.0) * 1_000).to_string();
    let attributes: Vec<Value> = ended.attributes.iter().map(|(name, value)| text(name, value)).collect();
    let mut value = json!({
        "traceId": ended.context.trace_id(),
        "spanId": id(ended.context.span()),
        "name": ended.step.name(),
        "kind": ended.step.kind(),
        "startTimeUnixNano": nanoseconds(ended.begun),
        "endTimeUnixNano": nanoseconds(ended.ended),
        "attributes": attributes,
    });
    if let Some(parent) = ended.parent {
        value["parentSpanId"] = id(parent).into();
    }
    if let Some(why) = ended.failed {
        value["status"] = json!({"code": 2, "message": why});
    }
    value
}

fn id(span: u64) -> String {
    format!("{span:016x}")
}

fn text(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;

    use super::*;
    use crate::trace::{Context, Step};

    #[test]
    fn a_span_is_written_as_the_protocol_says() {
        let ended = Ended {
            step: Step::Trigger,
            context: Context::new(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c, 0xeee1_9b7e_c3c1_b174),
            parent: Some(0xeee1_9b7e_c3c1_b173),
            begun: Timestamp(1_544_712_660_000_000),
            ended: Timestamp(1_544_712_661_000_000),
            attributes: vec![("tenant.id", "fxlabs".into())],
            failed: Some("not acknowledged"),
        };
        let resource = Resource { host: "h".into(), process: 7 };
        let body: Value = serde_json::from_slice(&request(&resource, &[ended])).unwrap();
        let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        // Ids, times and their forms are those of the specification's example.
        let wanted = json!({
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174",
            "parentSpanId": "eee19b7ec3c1b173",
            "name": "trigger",
            "kind": 4,
            "startTimeUnixNano": "1544712660000000000",
            "endTimeUnixNano": "1544712661000000000",
            "attributes": [{"key": "tenant.id", "value": {"stringValue": "fxlabs"}}],
            "status": {"code": 2, "message": "not acknowledged"},
        });
        assert_eq!(*span, wanted);
        let attributes = &body["resourceSpans"][0]["resource"]["attributes"];
        assert_eq!(attributes[0], json!({"key": "service.name", "value": {"stringValue": "bellwether"}}));
    }
}
