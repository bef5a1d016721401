//! Every kind of mail in a tenant's brand, to look at, each in a folder of its own below DIR:
//! `cargo run -p bellwether-sinks --example mails -- tenants/fxlabs.toml DIR`.

use std::error::Error;
use std::path::{Path, PathBuf};

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_sinks::mail::brand::Look;
use bellwether_sinks::mail::error::{ComposeError, ViewError};
use bellwether_sinks::mail::kind::MailKind;
use bellwether_sinks::mail::preview::{Preview, preview};
use bellwether_sinks::mail::render::Templates;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(tenant), Some(dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: mails TENANT.toml DIR".into());
    };
    let look = Look::new(&load_tenant(&tenant, &|_| None)?)?;
    let templates = Templates::compile()?;
    for kind in MailKind::all() {
        match preview(&templates, &look, kind, None, Clock::system().now()) {
            Ok(mail) => write(&dir.join(kind.name()), &mail)?,
            Err(ComposeError::View(ViewError::Kind(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn write(dir: &Path, preview: &Preview) -> std::io::Result<()> {
    let Preview { mail, html, text, logo } = preview;
    std::fs::create_dir_all(dir)?;
    let mut shown = html.clone();
    if let Some(logo) = logo {
        std::fs::write(dir.join("logo.png"), &logo.png)?;
        shown = shown.replace(&format!("cid:{}", logo.cid), "logo.png");
    }
    std::fs::write(dir.join("index.html"), shown)?;
    std::fs::write(dir.join("body.txt"), text)?;
    std::fs::write(dir.join("mail.eml"), &mail.content)
}
