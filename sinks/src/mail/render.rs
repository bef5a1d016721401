//! Templates: MJML becomes HTML once, at start; a mail then only fills it in. An undefined name is an error, and every
//! text is escaped where HTML is written.

use std::fmt::Write as _;

use bellwether_schemas::alerts::AlertKind;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use mrml::prelude::parser::ParserOptions;
use mrml::prelude::parser::memory_loader::MemoryIncludeLoader;
use mrml::prelude::render::RenderOptions;

use super::view::View;

/// Most bytes of HTML: clients cut a mail off above this.
const MAX_HTML: usize = 102 * 1024;

const LAYOUT_MJML: &str = include_str!("../../mail/layout.mjml");
const LAYOUT_TXT: &str = include_str!("../../mail/layout.txt");

/// A kind's own files: one folder a kind.
struct Files {
    body_mjml: &'static str,
    body_txt: &'static str,
}

/// None where a kind has no mail yet.
const fn files(kind: AlertKind) -> Option<Files> {
    match kind {
        AlertKind::RsiTracker => Some(Files {
            body_mjml: include_str!("../../mail/rsi_tracker/body.mjml"),
            body_txt: include_str!("../../mail/rsi_tracker/body.txt"),
        }),
        AlertKind::RsiCorrelationTracker
        | AlertKind::HeatmapTracker
        | AlertKind::HeatmapIndicatorTracker
        | AlertKind::CurrencyStrengthTracker
        | AlertKind::PriceAlert => None,
    }
}

/// Why a template does not compile or a mail cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The MJML is not well formed.
    #[error("template {kind}/body.mjml: {reason}")]
    Mjml {
        /// Which kind.
        kind: AlertKind,
        /// What the parser or the renderer said.
        reason: String,
    },
    /// An undefined name, or a syntax error.
    #[error("template {name}: {reason}")]
    Template {
        /// Which template.
        name: String,
        /// What is wrong with it, with its line.
        reason: String,
    },
    /// The plain text would carry a control character.
    #[error("the plain text of a {kind} mail has a control character")]
    ControlCharacter {
        /// Which kind.
        kind: AlertKind,
    },
    /// More HTML than clients show.
    #[error("the HTML of a {kind} mail has {bytes} bytes, the limit is {MAX_HTML}")]
    TooLarge {
        /// Which kind.
        kind: AlertKind,
        /// What it has.
        bytes: usize,
    },
}

/// Both bodies of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) text: String,
}

/// Every kind's templates, compiled.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Compiles them all.
    ///
    /// # Errors
    /// One of them is not well formed.
    pub fn compile() -> Result<Self, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(write_escaped);
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        });
        let mut add = |name: String, source: String| {
            let failed = |error| template_error(&name, &error);
            environment.add_template_owned(name.clone(), source).map_err(failed)
        };
        add("layout.txt".into(), LAYOUT_TXT.into())?;
        for kind in AlertKind::ALL {
            let Some(files) = files(kind) else { continue };
            add(format!("{kind}/body.html"), to_html(kind, &files)?)?;
            add(format!("{kind}/body.txt"), files.body_txt.into())?;
        }
        Ok(Self { environment })
    }

    pub(crate) fn render(&self, kind: AlertKind, view: &View) -> Result<Rendered, RenderError> {
        let values = Value::from(Serde(view));
        let html = self.fill(&format!("{kind}/body.html"), &values)?;
        let text = self.fill(&format!("{kind}/body.txt"), &values)?;
        if html.len() > MAX_HTML {
            return Err(RenderError::TooLarge { kind, bytes: html.len() });
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(RenderError::ControlCharacter { kind });
        }
        Ok(Rendered { html, text })
    }

    fn fill(&self, name: &str, values: &Value) -> Result<String, RenderError> {
        let template = self.environment.get_template(name).map_err(|error| template_error(name, &error))?;
        template.render(values.clone()).map_err(|error| template_error(name, &error))
    }
}

/// The layout around the kind's body, as an HTML template: what stands in braces is still to be filled in.
fn to_html(kind: AlertKind, files: &Files) -> Result<String, RenderError> {
    let failed = |reason: String| RenderError::Mjml { kind, reason };
    let loader = MemoryIncludeLoader::from(vec![("body.mjml", files.body_mjml)]);
    let options = ParserOptions { include_loader: Box::new(loader) };
    let parsed =
        mrml::parse_with_options(LAYOUT_MJML, &options).map_err(|error| failed(error.to_string()))?;
    // No fonts: a mail loads nothing from elsewhere.
    let options =
        RenderOptions { disable_comments: true, fonts: Default::default(), ..RenderOptions::default() };
    parsed.element.render(&options).map_err(|error| failed(error.to_string()))
}

/// As minijinja's own, but a slash stays a slash: `EUR/USD` is to be found in the source of a mail.
fn write_escaped(
    out: &mut minijinja::Output,
    state: &mut minijinja::State,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            text.chars().try_for_each(|c| match c {
                '<' => out.write_str("&lt;"),
                '>' => out.write_str("&gt;"),
                '&' => out.write_str("&amp;"),
                '"' => out.write_str("&quot;"),
                '\'' => out.write_str("&#39;"),
                other => out.write_char(other),
            })?;
            Ok(())
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn template_error(name: &str, error: &minijinja::Error) -> RenderError {
    RenderError::Template { name: name.into(), reason: error.to_string() }
}
