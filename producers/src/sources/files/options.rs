//! What is said about files besides their names.

use bellwether_schemas::time::SessionAnchor;

use super::forms::FormRef;
use super::zone::Zone;

/// How files are to be read. The default leaves everything to what is found in them.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// Their form; recognised where it is not given.
    pub form: Option<FormRef>,
    /// The zone of times that name none.
    pub zone: Option<Zone>,
    /// Name or number, from 1, of the column that says whose rows these are: rows of other symbols are passed over.
    pub symbol_column: Option<String>,
    /// How far, as a part of it, a bar's close may lie from the one before: 0 asks nothing of it.
    pub absurd_band: f64,
    /// Where the days of each input begin, in the order of the inputs.
    pub anchors: Vec<SessionAnchor>,
}

/// The band of a tenant that sets none.
const ABSURD_BAND: f64 = 0.20;

impl Default for FileOptions {
    fn default() -> Self {
        Self { form: None, zone: None, symbol_column: None, absurd_band: ABSURD_BAND, anchors: Vec::new() }
    }
}

impl FileOptions {
    /// Where the days of this input begin.
    pub(super) fn anchor(&self, input: u16) -> SessionAnchor {
        self.anchors.get(usize::from(input)).copied().unwrap_or(SessionAnchor::FX)
    }
}
