//! What the files of a directory say, and what becomes of tenants as they change.

use std::time::Duration;

use super::*;
use crate::incident::IncidentKind;

fn text(name: &str, revision: i64) -> String {
    format!(
        "revision = {revision}\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"{name}\"\n[database]\n\
         url_file = \"{name}.url\"\n[mail]\nfrom = \"{name} <a@{name}.example>\"\n"
    )
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for name in ["fxlabs", "hextech"] {
            files.write(&format!("{name}.url"), &format!("postgres://{name}"));
            files.write(&format!("{name}.toml"), &text(name, 1));
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        // Written aside and renamed, so that nobody reads half of it.
        std::fs::write(self.0.path().join("aside"), text).unwrap();
        std::fs::rename(self.0.path().join("aside"), self.0.path().join(name)).unwrap();
    }

    fn directory(&self, only: &[&str]) -> Directory {
        let only: Vec<TenantId> = only.iter().map(|id| id.parse().unwrap()).collect();
        Directory::new(self.0.path(), &only, |_| None)
    }

    fn reload(&self, running: &[Tenant]) -> (Vec<Tenant>, Vec<String>) {
        let Reading { tenants, bad } = self.directory(&[]).reload(running);
        (tenants, bad.into_values().map(|error| error.to_string()).collect())
    }
}

fn ids(tenants: &[Tenant]) -> Vec<(&str, i64)> {
    tenants.iter().map(|tenant| (tenant.id.as_str(), tenant.revision)).collect()
}

#[test]
fn a_bad_file_keeps_what_its_tenant_was_and_disturbs_no_other() {
    let files = Files::new();
    let (running, bad) = files.reload(&[]);
    assert_eq!((ids(&running), bad.len()), (vec![("fxlabs", 1), ("hextech", 1)], 0));
    files.write("fxlabs.toml", &text("fxlabs", 2).replace("Kolkata", "Kolkatta"));
    files.write("hextech.toml", &text("hextech", 2));
    let (next, bad) = files.reload(&running);
    assert_eq!(ids(&next), [("fxlabs", 1), ("hextech", 2)]);
    assert!(bad.len() == 1 && bad[0].contains("Kolkatta"), "{bad:?}");
}

#[test]
fn a_tenant_may_not_take_what_is_anothers() {
    let files = Files::new();
    let (running, _) = files.reload(&[]);
    // First in order of name, so that it is looked at before the one it takes from.
    files.write("aaa.toml", &text("fxlabs", 1).replace("a@fxlabs", "a@aaa"));
    files.write("fxlabs.toml", &text("fxlabs", 2).replace("fxlabs.url", "hextech.url"));
    let (next, bad) = files.reload(&running);
    assert_eq!(ids(&next), [("fxlabs", 1), ("hextech", 1)]);
    assert!(bad.len() == 2 && bad.iter().all(|reason| reason.contains("database.url_file")), "{bad:?}");
}

#[test]
fn a_new_secret_is_a_change_and_a_file_that_is_gone_takes_its_tenant_with_it() {
    let files = Files::new();
    let (running, _) = files.reload(&[]);
    files.write("fxlabs.url", "postgres://elsewhere");
    std::fs::remove_file(files.0.path().join("hextech.toml")).unwrap();
    let (next, bad) = files.reload(&running);
    assert_eq!((ids(&next), bad.len()), (vec![("fxlabs", 1)], 0));
    assert_ne!(next[0], running[0]);
}

#[test]
fn a_directory_that_cannot_be_read_changes_nothing() {
    let files = Files::new();
    let (running, _) = files.reload(&[]);
    let nowhere = Directory::new(&files.0.path().join("nowhere"), &[], |_| None);
    let Reading { tenants, bad } = nowhere.reload(&running);
    assert_eq!((tenants == running, bad.len()), (true, 1));
}

#[tokio::test]
async fn a_tenant_is_added_and_changed_within_five_seconds() {
    let files = Files::new();
    let shutdown = Shutdown::new();
    let mut tenants = files.directory(&[]).watch(Incidents::default(), shutdown.clone()).unwrap();
    assert_eq!(ids(&tenants.borrow_and_update()), [("fxlabs", 1), ("hextech", 1)]);
    files.write("acme.url", "postgres://acme");
    files.write("acme.toml", &text("acme", 1));
    let five = Duration::from_secs(5);
    tokio::time::timeout(five, tenants.changed()).await.unwrap().unwrap();
    assert_eq!(ids(&tenants.borrow_and_update()), [("acme", 1), ("fxlabs", 1), ("hextech", 1)]);
    shutdown.raise();
    assert!(tokio::time::timeout(five, tenants.changed()).await.unwrap().is_err());
}

/// Who is served at a start, and what is said of the others.
fn started(directory: &Directory) -> Result<(Vec<String>, Vec<String>), String> {
    let Reading { tenants, bad } = directory.read().map_err(|error| error.to_string())?;
    let ids = tenants.into_iter().map(|tenant| tenant.id.to_string()).collect();
    Ok((ids, bad.into_values().map(|error| error.to_string()).collect()))
}

#[test]
fn at_a_start_a_bad_file_leaves_its_tenant_out_and_where_nobody_is_left_it_is_refused() {
    let files = Files::new();
    files.write("fxlabs.toml", "revision = true");
    let (served, bad) = started(&files.directory(&[])).unwrap();
    assert!(served == ["hextech"] && bad.len() == 1 && bad[0].contains("fxlabs.toml"), "{served:?}, {bad:?}");
    assert_eq!(started(&files.directory(&["fxlabs", "hextech"])).unwrap().0, ["hextech"]);
    for alone in [&["fxlabs"][..], &["fxlabs", "fxlabs"]] {
        assert!(started(&files.directory(alone)).unwrap_err().contains("fxlabs.toml"));
    }
    files.write("hextech.toml", "revision = true");
    assert!(started(&files.directory(&[])).unwrap_err().contains("fxlabs.toml"));
    assert!(files.directory(&[]).load().is_err());
}

#[test]
fn at_a_start_two_who_have_what_one_may_have_are_both_left_out_and_taken_up_when_one_is_mended() {
    let files = Files::new();
    files.write("acme.url", "postgres://acme");
    files.write("acme.toml", &text("acme", 1).replace("a@acme", "a@hextech"));
    let (served, bad) = started(&files.directory(&[])).unwrap();
    assert_eq!(served, ["fxlabs"]);
    let [acme, hextech] = &bad[..] else { panic!("{bad:?}") };
    assert!(acme.contains("acme.toml: mail.from: is that of tenant hextech too"), "{acme}");
    assert!(hextech.contains("hextech.toml: mail.from: is that of tenant acme too"), "{hextech}");
    let first = files.directory(&[]).read().unwrap().tenants;
    let (still, bad) = files.reload(&first);
    assert_eq!((ids(&still), bad.len()), (vec![("fxlabs", 1)], 2), "neither slips in with the next look");
    files.write("acme.toml", &text("acme", 1));
    let (mended, bad) = files.reload(&still);
    assert_eq!((ids(&mended), bad.len()), (vec![("acme", 1), ("fxlabs", 1), ("hextech", 1)], 0));
}

#[test]
fn of_three_on_one_database_none_is_taken_where_one_does_not_say_that_it_is_shared() {
    let files = Files::new();
    for (name, shared) in [("acme", "shared = true"), ("fxlabs", ""), ("hextech", "shared = true")] {
        files.write(&format!("{name}.url"), &format!("postgres://{name}:x@h/d"));
        let text = text(name, 1).replace("[database]", &format!("[database]\n{shared}"));
        files.write(&format!("{name}.toml"), &text);
    }
    assert!(started(&files.directory(&[])).unwrap_err().contains("unless both say database.shared"));
    let (running, bad) = files.reload(&[]);
    assert_eq!((running.len(), bad.len()), (0, 3));
}

#[test]
fn two_who_run_may_exchange_what_one_may_have() {
    let files = Files::new();
    let (running, _) = files.reload(&[]);
    files.write("fxlabs.toml", &text("fxlabs", 2).replace("a@fxlabs", "a@hextech"));
    files.write("hextech.toml", &text("hextech", 2).replace("a@hextech", "a@fxlabs"));
    let (next, bad) = files.reload(&running);
    assert_eq!((ids(&next), bad.len()), (vec![("fxlabs", 2), ("hextech", 2)], 0));
}

#[test]
fn who_lacks_what_a_role_needs_is_left_out_of_it_and_stays_what_it_was_where_it_runs() {
    let files = Files::new();
    let needs = |tenant: &Tenant| if tenant.revision == 2 { Err("lacks a thing".into()) } else { Ok(()) };
    let directory = files.directory(&[]).demanding(needs);
    let running = directory.read().unwrap().tenants;
    files.write("fxlabs.toml", &text("fxlabs", 2));
    let Reading { tenants, bad } = directory.reload(&running);
    assert_eq!(ids(&tenants), [("fxlabs", 1), ("hextech", 1)]);
    assert!(bad.values().next().unwrap().to_string().ends_with("fxlabs.toml: lacks a thing"), "{bad:?}");
    assert_eq!(started(&directory).unwrap().0, ["hextech"]);
    let alone = files.directory(&["fxlabs"]).demanding(needs);
    assert!(started(&alone).unwrap_err().ends_with("fxlabs.toml: lacks a thing"));
}

#[test]
fn of_tenants_that_were_not_named_nothing_is_read() {
    let files = Files::new();
    files.write("fxlabs.toml", "revision = true");
    let only = files.directory(&["hextech"]);
    let running = only.load().unwrap();
    assert_eq!(ids(&running), [("hextech", 1)]);
    files.write("acme.toml", &text("acme", 1));
    files.write("hextech.toml", &text("hextech", 2));
    let Reading { tenants, bad } = only.reload(&running);
    assert_eq!((ids(&tenants), bad.len()), (vec![("hextech", 2)], 0));
    std::fs::remove_file(files.0.path().join("hextech.toml")).unwrap();
    assert!(only.reload(&tenants).tenants.is_empty());
    let unknown = files.directory(&["acme", "nobody"]).read().unwrap_err().to_string();
    assert!(
        unknown.contains("no tenant \"nobody\"") && unknown.ends_with("it has acme, fxlabs"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_file_that_goes_bad_is_an_incident_of_its_tenant_until_it_is_mended() {
    let files = Files::new();
    let (shutdown, (incidents, news)) = (Shutdown::new(), Incidents::new(crate::clock::Clock::system()));
    let _tenants = files.directory(&[]).watch(incidents, shutdown.clone()).unwrap();
    let told = async |text: &str| {
        let told = async {
            loop {
                news.changed().await;
                let of = |tenant: &TenantId| tenant.as_str() == "fxlabs";
                let mut taken = news
                    .take()
                    .into_iter()
                    .filter(|((tenant, kind), _)| of(tenant) && *kind == IncidentKind::BadFile);
                if taken.any(|(_, change)| format!("{change:?}").contains(text)) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    };
    files.write("fxlabs.toml", &text("fxlabs", 2).replace("Kolkata", "Kolkatta"));
    told("Kolkatta").await;
    files.write("fxlabs.toml", &text("fxlabs", 2));
    told("Ended").await;
    shutdown.raise();
}
