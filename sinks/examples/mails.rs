//! Every kind of mail in a tenant's brand, to look at, each in a folder of its own below DIR:
//! `cargo run -p bellwether-sinks --example mails -- tenants/fxlabs.toml DIR`.

use std::error::Error;
use std::path::{Path, PathBuf};

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_sinks::mail::brand::Look;
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
        let mail = preview(&templates, &look, kind, None, Clock::system().now())?;
        write(&dir.join(kind.name()), &mail)?;
    }
    Ok(())
}

fn write(dir: &Path, preview: &Preview) -> std::io::Result<()> {
    let Preview { mail, html, text, pictures } = preview;
    std::fs::create_dir_all(dir)?;
    let mut shown = html.clone();
    for picture in pictures {
        std::fs::write(dir.join(picture.file), &picture.png)?;
        shown = shown.replace(&format!("cid:{}", picture.cid), picture.file);
    }
    std::fs::write(dir.join("index.html"), shown)?;
    std::fs::write(dir.join("body.txt"), text)?;
    std::fs::write(dir.join("mail.eml"), &mail.content)
}
