//! Templates: MJML becomes HTML once, at start; a mail then only fills it in. An undefined name is an error, and every
//! text is escaped where HTML is written.

use std::fmt::Write as _;

use bellwether_schemas::Timestamp;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use mrml::prelude::render::RenderOptions;
use serde::Serialize;

use super::kind::MailKind;
use super::scheduled::Picture;
use super::template_files::{Files, LAYOUT_MJML, LAYOUT_TXT, PARTS, files};

/// Most bytes of HTML: clients cut a mail off above this.
pub(super) const MAX_HTML: usize = 102 * 1024;
/// Where the layout has a kind's body. The text is put there before it is parsed: included by the parser, components
/// lose their padding and the class that gives them the night's colours.
const BODY: &str = r#"<mj-include path="body.mjml" />"#;

/// Why a template does not compile or a mail cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The MJML is not well formed.
    #[error("template {kind}/body.mjml: {reason}")]
    Mjml {
        /// The kind whose template it is.
        kind: MailKind,
        /// What the parser or the renderer said.
        reason: String,
    },
    /// An undefined name, or a syntax error.
    #[error("template {name}: {reason}")]
    Template {
        /// The template's name, which is its kind's with the ending of its format.
        name: String,
        /// What is wrong with it, with its line.
        reason: String,
    },
    /// The plain text would carry a control character.
    #[error("the plain text of a {kind} mail has a control character")]
    ControlCharacter {
        /// The kind of mail that was rendered.
        kind: MailKind,
    },
    /// More HTML than clients show.
    #[error("the HTML of a {kind} mail has {bytes} bytes, the limit is {MAX_HTML}")]
    TooLarge {
        /// The kind of mail that was rendered.
        kind: MailKind,
        /// How large it is.
        bytes: usize,
    },
}

/// What a mail says, before it has headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Subject line, not encoded.
    pub(crate) subject: String,
    pub(crate) html: String,
    pub(crate) text: String,
    /// What the HTML shows besides the logo.
    pub(crate) picture: Option<Picture>,
    pub(crate) gist: Gist,
}

/// What a digest says of a mail that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gist {
    /// What its subject says, without brand and time.
    pub what: String,
    /// The instant it is about.
    pub at: Timestamp,
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
        environment.add_filter("padded", padded);
        let mut add = |name: String, source: String| {
            let failed = |error| template_error(&name, &error);
            environment.add_template_owned(name.clone(), source).map_err(failed)
        };
        add("layout.txt".into(), LAYOUT_TXT.into())?;
        for (name, source) in PARTS {
            add(name.into(), source.into())?;
        }
        for kind in MailKind::all() {
            let files = files(kind);
            add(format!("{kind}/body.html"), to_html(kind, &files)?)?;
            add(format!("{kind}/body.txt"), files.body_txt.into())?;
        }
        Ok(Self { environment })
    }

    /// HTML and plain text of a mail of that kind, from one page of values.
    pub(super) fn render(
        &self,
        kind: MailKind,
        page: &impl Serialize,
    ) -> Result<(String, String), RenderError> {
        let values = Value::from(Serde(page));
        let html = self.fill(&format!("{kind}/body.html"), &values)?;
        let text = self.fill(&format!("{kind}/body.txt"), &values)?;
        if html.len() > MAX_HTML {
            return Err(RenderError::TooLarge { kind, bytes: html.len() });
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(RenderError::ControlCharacter { kind });
        }
        Ok((html, text))
    }

    fn fill(&self, name: &str, values: &Value) -> Result<String, RenderError> {
        let template = self.environment.get_template(name).map_err(|error| template_error(name, &error))?;
        template.render(values.clone()).map_err(|error| template_error(name, &error))
    }
}

/// The layout around the kind's body, as an HTML template: what stands in braces is still to be filled in.
fn to_html(kind: MailKind, files: &Files) -> Result<String, RenderError> {
    let failed = |reason: String| RenderError::Mjml { kind, reason };
    let page = LAYOUT_MJML.replace(BODY, files.body_mjml);
    let parsed = mrml::parse(page).map_err(|error| failed(error.to_string()))?;
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

/// Columns of plain text: the text, then spaces up to that many characters.
fn padded(text: String, width: usize) -> String {
    format!("{text:<width$}")
}

fn template_error(name: &str, error: &minijinja::Error) -> RenderError {
    RenderError::Template { name: name.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At night colours come by class: text without one would keep the day's dark ink on the night's dark ground.
    #[test]
    fn text_in_the_colours_of_the_day_has_the_class_that_changes_them_at_night() {
        for kind in MailKind::all() {
            has_a_night(&to_html(kind, &files(kind)).unwrap(), kind.name());
        }
        for (name, source) in PARTS {
            has_a_night(source, name);
        }
    }

    fn has_a_night(html: &str, name: &str) {
        for cell in html.split("<td").skip(1) {
            for class in ["ink", "muted"] {
                let day = cell.contains(&format!(";color:{{{{ colours.{class} }}}}"));
                assert!(!day || cell.contains(&format!("class=\"{class}\"")), "{name}: <td{cell}");
            }
        }
    }
}
