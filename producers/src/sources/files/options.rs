//! What is said about files besides their names.

use bellwether_schemas::ids::match_key;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::SessionAnchor;

use super::Input;
use super::forms::FormRef;
use super::owner::Owner;
use super::zone::Zone;

/// How files are to be read. The default leaves everything to what is found in them.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// Their form; recognised where it is not given.
    pub form: Option<FormRef>,
    /// The zone of times that name none.
    pub zone: Option<Zone>,
    /// Name or number, from 1, of the column that says whose rows these are: rows of other symbols are passed over.
    pub symbol_column: Option<String>,
    /// How far, as a part of it, a bar's close may lie from the one before: 0 asks nothing of it.
    pub absurd_band: Option<f64>,
    /// Where the days of each input begin, in the order of the inputs.
    pub anchors: Vec<SessionAnchor>,
    /// What the symbols of the tenant end in where the names in a file do not.
    pub symbol_suffix: String,
}

/// The band of a tenant that sets none.
const ABSURD_BAND: f64 = 0.20;

impl FileOptions {
    /// With what is not said taken from a tenant's settings.
    #[must_use]
    pub fn of_tenant(&self, settings: &Settings, inputs: &[Input]) -> Self {
        let anchor = |input: &Input| {
            let listed = |name: &str| {
                settings.symbols.iter().find(|symbol| match_key(symbol.name.as_str()) == match_key(name))
            };
            let symbol = listed(&input.symbol)
                .or_else(|| listed(&format!("{}{}", input.symbol, settings.symbol_suffix)));
            let always_open = symbol.is_some_and(|symbol| symbol.always_open);
            if always_open { SessionAnchor::UTC } else { settings.session_anchor }
        };
        Self {
            absurd_band: self.absurd_band.or(Some(settings.absurd_band)),
            anchors: inputs.iter().map(anchor).collect(),
            symbol_suffix: settings.symbol_suffix.clone(),
            ..self.clone()
        }
    }

    pub(super) fn band(&self) -> f64 {
        self.absurd_band.unwrap_or(ABSURD_BAND)
    }

    /// Whose rows a file holds that is given for this input.
    pub(super) fn owner(&self, input: &Input) -> Owner {
        Owner::new(&input.symbol, &self.symbol_suffix)
    }

    /// Where the days of this input begin.
    pub(super) fn anchor(&self, input: u16) -> SessionAnchor {
        self.anchors.get(usize::from(input)).copied().unwrap_or(SessionAnchor::FX)
    }
}
