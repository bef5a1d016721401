//! HTTP: the demo page, health and metrics
