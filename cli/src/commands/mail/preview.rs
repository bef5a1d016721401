//! `bellwether mail preview`.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bellwether_runtime::config::Tenant;
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::brand::Look;
use bellwether_sinks::mail::kind::MailKind;
use bellwether_sinks::mail::preview::{self, preview};
use bellwether_sinks::mail::render::Templates;
use clap::Args;

use super::chromium::Chromium;
use crate::exit::{CONFIG, Coded, IO};
use crate::output::{note, tell};
use crate::wiring::Process;

/// Writes a kind's mail with made-up content in a tenant's brand, to look at: index.html, body.txt, the whole mail as
/// mail.eml and, where Chromium is installed, light.png and dark.png. Sends nothing.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether mail preview --kind heatmap_tracker --tenant fxlabs\n  \
    bellwether mail preview --kind price_alert --tenant hextech --out preview\n  \
    bellwether mail preview --kind rsi_tracker --tenant fxlabs --triggers 33")]
pub(crate) struct Preview {
    /// Kind of mail: rsi_tracker, rsi_correlation_tracker, heatmap_tracker, heatmap_indicator_tracker,
    /// currency_strength_tracker, price_alert, daily_brief, news_reminder, news_correction, digest or test.
    #[arg(long, value_name = "KIND")]
    kind: MailKind,
    /// Tenant whose brand it has.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// How many triggers an alert's mail has, over and over the same where the sample has fewer [default: the sample's]
    #[arg(long, value_name = "N")]
    triggers: Option<NonZeroUsize>,
    /// Folder for the files, which is made [default: mail-preview/T/KIND]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Preview {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let tenants = process.tenants_named(std::slice::from_ref(&self.tenant))?;
        let dir = self
            .out
            .clone()
            .unwrap_or_else(|| Path::new("mail-preview").join(self.tenant.as_str()).join(self.kind.name()));
        for tenant in &tenants {
            let shown = self.compose(process, tenant)?;
            let page = write(&dir, &shown).map_err(|error| of_file(&dir, &error))?;
            tell(&format!("{}: {}\n", shown.mail.subject, page.display()))?;
            picture(&page, &dir).await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn compose(&self, process: &Process, tenant: &Tenant) -> anyhow::Result<preview::Preview> {
        let look = Look::new(tenant).map_err(|error| Coded { code: CONFIG, message: error.to_string() })?;
        let now = process.clock.now();
        Ok(preview(&Templates::compile()?, &look, self.kind, self.triggers, now)?)
    }
}

/// The files; which of them is the page.
fn write(dir: &Path, shown: &preview::Preview) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let mut html = shown.html.clone();
    for picture in &shown.pictures {
        std::fs::write(dir.join(picture.file), &picture.png)?;
        html = html.replace(&format!("cid:{}", picture.cid), picture.file);
    }
    std::fs::write(dir.join("body.txt"), &shown.text)?;
    std::fs::write(dir.join("mail.eml"), &shown.mail.content)?;
    let page = dir.join("index.html");
    std::fs::write(&page, html)?;
    Ok(page)
}

/// Pictures by day and by night. That there are none is said, and is no failure: the page is there.
async fn picture(page: &Path, dir: &Path) -> anyhow::Result<()> {
    let Some(chromium) = Chromium::find() else {
        note("light.png and dark.png are left out: no chromium or google-chrome is on the PATH\n");
        return Ok(());
    };
    let page = page.canonicalize().map_err(|error| of_file(page, &error))?;
    let dir = dir.canonicalize().map_err(|error| of_file(dir, &error))?;
    if let Err(error) = chromium.pictures(&page, &dir).await {
        note(&format!("light.png and dark.png are left out: {error}\n"));
    }
    Ok(())
}

pub(super) fn of_file(path: &Path, error: &dyn Display) -> Coded {
    Coded { code: IO, message: format!("{}: {error}", path.display()) }
}
