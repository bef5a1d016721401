//! Sources of market data and of alert changes, published to the journal
pub mod blocks;
pub mod error;
pub mod events;
pub mod history;
pub mod play;
pub mod publish;
pub mod resume;
pub mod run;
pub mod sources;
pub mod timeline;
