//! `bellwether deadletters`.

mod find;
mod list;
mod redrive;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::wiring::Process;

/// What could not be used: records with their reason and original bytes.
#[derive(Subcommand)]
pub(crate) enum DeadLetters {
    List(list::ListLetters),
    Show(show::ShowLetters),
    Redrive(redrive::RedriveLetters),
}

impl DeadLetters {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(process),
            Self::Show(show) => show.run(process),
            Self::Redrive(redrive) => redrive.run(process).await,
        }
    }
}

/// Text that others wrote, fit for a terminal.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_others_wrote_cannot_drive_a_terminal() {
        assert_eq!(super::plain("é \u{1b}[2J\n"), "é \\u{1b}[2J\\n");
    }
}
