//! `bellwether doctor`: looks and changes nothing. Each thing that is looked at is a line, with what to do about it.

mod mail;

use std::process::ExitCode;

use bellwether_runtime::finding::Finding;
use clap::Subcommand;
use serde_json::json;

use crate::exit::NO;
use crate::output::tell;
use crate::wiring::Process;

/// Looks whether everything is as it should be, and says what to do where it is not. Ends with 1 where there is a fault.
#[derive(Subcommand)]
pub(crate) enum Doctor {
    Mail(mail::MailDoctor),
}

impl Doctor {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::Mail(command) => command.run(process).await,
        }
    }
}

/// Tells what was found about each of them, as lines or as JSON; 1 where there is a fault.
fn tell_findings(found: &[(String, Vec<Finding>)], as_json: bool) -> anyhow::Result<ExitCode> {
    let line = if as_json { json_line } else { text_line };
    let mut text = String::new();
    for (whose, findings) in found {
        if !as_json {
            text.push_str(&format!("{whose}\n"));
        }
        text.extend(findings.iter().map(|finding| line(whose, finding)));
    }
    tell(&text)?;
    let is_fault = found.iter().flat_map(|(_, findings)| findings).any(|finding| finding.is_fault());
    Ok(if is_fault { NO.into() } else { ExitCode::SUCCESS })
}

fn json_line(whose: &str, finding: &Finding) -> String {
    let Finding { about, level, found, advice } = finding;
    let line =
        json!({ "of": whose, "about": about, "level": level.name(), "found": found, "advice": advice });
    format!("{line}\n")
}

fn text_line(_: &str, finding: &Finding) -> String {
    let Finding { about, level, found, advice } = finding;
    let advice = advice.as_ref().map_or_else(String::new, |advice| format!("\n{:20}{advice}", ""));
    format!("  {:<5}  {about:<10}  {found}{advice}\n", level.name())
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    #[test]
    fn a_line_says_how_it_stands_and_what_to_do() {
        let finding = Finding {
            about: "spf".into(),
            level: Level::Fault,
            found: "x has no SPF record".into(),
            advice: Some("publish one".into()),
        };
        assert_eq!(
            text_line("fxlabs", &finding),
            "  fault  spf         x has no SPF record\n                    publish one\n"
        );
        assert!(json_line("fxlabs", &finding).contains("\"level\":\"fault\""));
    }
}
