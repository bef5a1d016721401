//! Partitions, recovery and replay around the engine
