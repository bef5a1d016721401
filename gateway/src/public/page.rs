//! How the pages behind links look: one template, in the brand's colours by day and by night, without script. The styles
//! stand in the page, and the policy allows these and no others.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwether_runtime::config::{Brand, Colour};
use bellwether_sinks::mail::colour::PageColours;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

/// What a page says.
pub(super) enum Page<'a> {
    /// Shall the kind be switched off?
    Ask { brand: &'a Brand, what: &'static str },
    /// It is.
    Done { brand: &'a Brand, what: &'static str },
    /// The tenant's database is away.
    Away { brand: &'a Brand },
    /// The link is none of ours; nothing says why.
    NoLink,
    /// Too many requests from one place.
    TooOften,
}

/// Colours of what belongs to no brand.
const PLAIN: Colour = Colour::new(0x37, 0x41, 0x51);

impl Page<'_> {
    const fn brand(&self) -> Option<&Brand> {
        match self {
            Self::Ask { brand, .. } | Self::Done { brand, .. } | Self::Away { brand } => Some(brand),
            Self::NoLink | Self::TooOften => None,
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Ask { .. } | Self::Done { .. } => StatusCode::OK,
            Self::Away { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoLink => StatusCode::NOT_FOUND,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Its heading, and what stands below.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Ask { brand, what } => (
                "Unsubscribe",
                format!("Stop mailing you {what} of {}? Other mails stay as they are.", brand.name),
            ),
            Self::Done { brand, what } => {
                ("Unsubscribed", format!("{} does not mail you {what} any more.", brand.name))
            }
            Self::Away { .. } => {
                ("Please try again", "This could not be stored just now. Nothing was changed.".into())
            }
            Self::NoLink => (
                "This link does not work",
                "It may have been cut off. Open it once more from the mail.".into(),
            ),
            Self::TooOften => {
                ("Please try again", "Too many requests came from your network. Wait a minute.".into())
            }
        }
    }
}

/// The templates.
pub(super) struct Pages(Environment<'static>);

impl Pages {
    /// # Errors
    /// A template does not parse.
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_template("unsubscribe.css", include_str!("../../assets/unsubscribe.css"))?;
        templates.add_template("unsubscribe.html", include_str!("../../assets/unsubscribe.html"))?;
        Ok(Self(templates))
    }

    pub(super) fn response(&self, page: &Page<'_>) -> Response {
        match self.render(page) {
            Ok((html, styles)) => finished(page, html, &styles),
            Err(error) => {
                tracing::error!(page.name = "unsubscribe.html", error = %error, "a page could not be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made").into_response()
            }
        }
    }

    /// The page, and its styles.
    fn render(&self, page: &Page<'_>) -> Result<(String, String), minijinja::Error> {
        let brand = page.brand();
        let colours = brand.map_or_else(
            || PageColours::of(PLAIN, PLAIN, PLAIN),
            |brand| PageColours::of(brand.bar, brand.ink, brand.accent),
        );
        let styles = self.0.get_template("unsubscribe.css")?;
        let styles = styles.render(context! { colours => Value::from(Serde(colours)) })?;
        let (heading, text) = page.words();
        let preferences = brand.and_then(|brand| brand.preferences_url.as_ref()).map(ToString::to_string);
        let shown = context! {
            brand => brand.map(|brand| brand.name.to_string()),
            is_question => matches!(page, Page::Ask { .. }),
            styles => Value::from_safe_string(styles.clone()),
            heading, text, preferences,
        };
        Ok((self.0.get_template("unsubscribe.html")?.render(shown)?, styles))
    }
}

/// With its policy, and kept by nobody: the address that it stands at is as good as a key.
fn finished(page: &Page<'_>, html: String, styles: &str) -> Response {
    let hash = STANDARD.encode(Sha256::digest(styles.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let mut response = (page.status(), Html(html)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    if matches!(page, Page::Away { .. } | Page::TooOften) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}
