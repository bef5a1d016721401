//! Settings as they are stored. They are part of the state: what follows them in the journal was folded under them.

use bellwether_schemas::settings::{Settings, SymbolSettings};

use super::{Code, Misfit, stored};

impl stored::Settings {
    pub(crate) fn of(settings: &Settings) -> Self {
        let Settings {
            symbols,
            symbol_suffix,
            session_anchor,
            price_basis,
            lateness_max,
            source_idle,
            absurd_band,
            max_alerts,
            positive_pairs,
            negative_pairs,
            heatmap_cooldown,
            heatmap_suppression,
        } = settings;
        let listed =
            |SymbolSettings { name, always_open }: &SymbolSettings| (name.as_str().into(), *always_open);
        Self {
            symbols: symbols.iter().map(listed).collect(),
            symbol_suffix: symbol_suffix.clone(),
            session_anchor: session_anchor.to_string(),
            price_basis: Code(*price_basis),
            lateness_max: *lateness_max,
            source_idle: *source_idle,
            absurd_band: *absurd_band,
            max_alerts: *max_alerts,
            positive_pairs: positive_pairs.clone(),
            negative_pairs: negative_pairs.clone(),
            heatmap_cooldown: *heatmap_cooldown,
            heatmap_suppression: *heatmap_suppression,
        }
    }

    pub(crate) fn restore(self) -> Result<Settings, Misfit> {
        let listed = |(name, always_open): (String, bool)| {
            let name = name.parse().map_err(|_| Misfit("a symbol of the settings has no possible name"))?;
            Ok(SymbolSettings { name, always_open })
        };
        let anchor = self.session_anchor.parse();
        Ok(Settings {
            symbols: self.symbols.into_iter().map(listed).collect::<Result<_, _>>()?,
            symbol_suffix: self.symbol_suffix,
            session_anchor: anchor.map_err(|_| Misfit("the settings' anchor is no time of a zone"))?,
            price_basis: self.price_basis.0,
            lateness_max: self.lateness_max,
            source_idle: self.source_idle,
            absurd_band: self.absurd_band,
            max_alerts: self.max_alerts,
            positive_pairs: self.positive_pairs,
            negative_pairs: self.negative_pairs,
            heatmap_cooldown: self.heatmap_cooldown,
            heatmap_suppression: self.heatmap_suppression,
        })
    }
}
