//! How findings are printed: short where all is well, and each line that is not with what to do.

use std::fmt::Write as _;
use std::process::ExitCode;

use bellwether_runtime::finding::{Finding, Level, Section};
use serde_json::json;

use crate::exit::NO;
use crate::output::tell;

/// How much of what was found is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for each section, and each thing that is not as it should be.
    Short,
    /// Every thing.
    Verbose,
    /// Every thing, as a JSON object a line.
    Json,
}

impl Form {
    pub(super) const fn of(json: bool, verbose: bool) -> Self {
        match (json, verbose) {
            (true, _) => Self::Json,
            (false, true) => Self::Verbose,
            (false, false) => Self::Short,
        }
    }
}

/// Prints what was found about each of them; 1 where there is a fault.
pub(super) fn tell_sections(found: &[(String, Vec<Section>)], form: Form) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for (whose, sections) in found {
        match form {
            Form::Json => json_lines(&mut text, whose, sections),
            Form::Short | Form::Verbose => lines(&mut text, whose, sections, form),
        }
    }
    tell(&text)?;
    Ok(code(found.iter().flat_map(|(_, sections)| sections).flat_map(|section| &section.findings)))
}

/// The same for findings of one section.
pub(in crate::commands) fn tell_findings(
    found: Vec<(String, Vec<Finding>)>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let section = |findings| vec![Section { name: "", findings }];
    let found: Vec<_> = found.into_iter().map(|(whose, findings)| (whose, section(findings))).collect();
    tell_sections(&found, Form::of(json, true))
}

fn code<'a>(mut findings: impl Iterator<Item = &'a Finding>) -> ExitCode {
    if findings.any(Finding::is_fault) { NO.into() } else { ExitCode::SUCCESS }
}

/// All of it, as a JSON object a line.
pub(super) fn json_of(found: &[(String, Vec<Section>)]) -> String {
    let mut text = String::new();
    found.iter().for_each(|(whose, sections)| json_lines(&mut text, whose, sections));
    text
}

fn json_lines(text: &mut String, whose: &str, sections: &[Section]) {
    for section in sections {
        for Finding { about, level, found, advice } in &section.findings {
            let line = json!({
                "of": whose, "section": section.name, "about": about, "level": level.name(), "found": found,
                "advice": advice,
            });
            let _ = writeln!(text, "{line}");
        }
    }
}

fn lines(text: &mut String, whose: &str, sections: &[Section], form: Form) {
    let _ = writeln!(text, "{whose}");
    let is_shown = |finding: &&Finding| form == Form::Verbose || finding.level > Level::Ok;
    let names = sections.iter().flat_map(|section| &section.findings).filter(is_shown);
    let width = names.map(|finding| finding.about.chars().count()).max().unwrap_or(0).clamp(10, 44);
    for section in sections {
        if !section.name.is_empty() {
            let _ = writeln!(text, "  {:<6}  {}", section.level().name(), summary(section));
        }
        let indent = if section.name.is_empty() { 2 } else { 4 };
        for finding in section.findings.iter().filter(is_shown) {
            line(text, finding, indent, width);
        }
    }
}

fn summary(section: &Section) -> String {
    let things = section.findings.len();
    let well = section.findings.iter().filter(|finding| finding.level == Level::Ok).count();
    let of = match section.level() {
        Level::Ok => format!("{things} looked at"),
        Level::Unseen => format!("{} of {things} not looked at", things - well),
        Level::Warn | Level::Fault => format!("{well} of {things} are well"),
    };
    format!("{:<10}  {of}", section.name)
}

fn line(text: &mut String, Finding { about, level, found, advice }: &Finding, indent: usize, width: usize) {
    let _ = writeln!(text, "{:indent$}{:<6}  {about:<width$}  {found}", "", level.name());
    if let Some(advice) = advice {
        let _ = writeln!(text, "{:indent$}{:<6}  {:<width$}  → {advice}", "", "", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Vec<Section> {
        let findings = vec![
            Finding::ok("public.t", "is well"),
            Finding::fault("public.u", "row security is off", "alter table …"),
        ];
        vec![
            Section { name: "access", findings },
            Section { name: "log", findings: vec![Finding::ok("feed", "runs")] },
        ]
    }

    fn shown(form: Form) -> String {
        let mut text = String::new();
        lines(&mut text, "fxlabs", &sections(), form);
        text
    }

    #[test]
    fn a_line_a_section_and_what_is_not_well_with_what_to_do() {
        assert_eq!(
            shown(Form::Short),
            "fxlabs\n  fault   access      1 of 2 are well\n    fault   public.u    row security is off\n\
             \x20                       → alter table …\n  ok      log         1 looked at\n"
        );
        assert!(shown(Form::Verbose).contains("    ok      public.t    is well\n"));
    }

    #[test]
    fn json_has_a_line_for_each_thing() {
        let mut text = String::new();
        json_lines(&mut text, "fxlabs", &sections());
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[1]["of"].as_str(), lines[1]["level"].as_str()), (Some("fxlabs"), Some("fault")));
        assert_eq!(lines[2]["section"].as_str(), Some("log"));
    }
}
