//! What goes into a tenant's journal: market data, alert changes, settings.
//!
//! | From | Through | Into the journal |
//! |---|---|---|
//! | files, the synthetic market ([`sources`]) | [`timeline`], which adds heartbeats, and [`play`], the played clock | [`publish`], driven by [`run`] |
//! | a live feed ([`sources::live`]) | [`live`] | [`publish`] |
//! | the synthetic market's past | [`history`], as closed bars | [`publish`], driven by [`run`] |
//! | alert tables | [`alert_changes`] | in the order of their queue |
//! | the tenant's file | [`settings`] | where it differs from what the journal has ([`journal_view`]) |
//!
//! Where a producer stood is found in the journal itself ([`resume`]).
pub mod alert_changes;
pub mod blocks;
pub mod calendar;
pub mod error;
pub mod events;
pub mod history;
pub mod journal_view;
pub mod live;
pub mod output;
pub mod play;
pub mod publish;
pub mod resume;
pub mod run;
pub mod settings;
mod silence;
pub mod sources;
pub mod timeline;

pub use error::{InputError, ProducerError};
pub use run::{
    FileRun, HistoryRun, ProducerContext, Summary, SyntheticRun, run_file, run_history, run_synthetic,
};
