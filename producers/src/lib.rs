//! Sources of market data and of alert changes, published to the journal
pub mod alert_changes;
pub mod blocks;
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
pub mod sources;
pub mod timeline;

pub use error::{InputError, ProducerError};
pub use run::{Context, FileRun, HistoryRun, Summary, SyntheticRun, run_file, run_history, run_synthetic};
