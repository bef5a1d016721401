//! Tests over the whole pipeline, run as a user would
