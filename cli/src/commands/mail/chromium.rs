//! Pictures of a page, taken by a Chromium that is installed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// What it is called where it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Width of a mail with some of its page on either side, pixels.
const WIDTH: u32 = 648;
/// Height where the page does not say its own.
const HEIGHT: u32 = 1_600;
/// Most pixels of height: what is longer is cut off.
const MAX_HEIGHT: u32 = 12_000;
/// How long one start of it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser that is started once a picture.
pub(super) struct Chromium {
    program: PathBuf,
}

impl Chromium {
    /// The first of its names that is on the PATH.
    pub(super) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let program = NAMES
            .iter()
            .flat_map(|name| places.iter().map(move |place| place.join(name)))
            .find(|program| program.is_file())?;
        Some(Self { program })
    }

    /// `light.png` and `dark.png` of the whole page. Both paths are absolute.
    pub(super) async fn pictures(&self, page: &Path, dir: &Path) -> io::Result<()> {
        let height = self.height(page, dir).await?;
        for (name, scheme) in [("light.png", 1), ("dark.png", 0)] {
            let file = dir.join(name);
            self.run(
                page,
                &[
                    format!("--blink-settings=preferredColorScheme={scheme}"),
                    format!("--window-size={WIDTH},{height}"),
                    format!("--screenshot={}", file.display()),
                ],
            )
            .await?;
            if !file.is_file() {
                return Err(io::Error::other(format!("{} wrote no {name}", self.program.display())));
            }
        }
        Ok(())
    }

    /// How high the page is. A copy of it says so by a script: mails have none.
    async fn height(&self, page: &Path, dir: &Path) -> io::Result<u32> {
        let copy = dir.join("measured.html");
        let says = "<script>document.title = document.documentElement.scrollHeight</script>";
        std::fs::write(&copy, std::fs::read_to_string(page)? + says)?;
        let shown = self.run(&copy, &[format!("--window-size={WIDTH},100"), "--dump-dom".into()]).await;
        std::fs::remove_file(&copy)?;
        Ok(title(&shown?).unwrap_or(HEIGHT).min(MAX_HEIGHT))
    }

    /// What it printed. The page is ours and has no script, so it may do without a sandbox, which it does not have as
    /// root or inside a container.
    async fn run(&self, page: &Path, arguments: &[String]) -> io::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]).args(arguments);
        command.arg(format!("file://{}", page.display()));
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let late = || io::Error::other(format!("{} took more than {PATIENCE:?}", self.program.display()));
        let output = timeout(PATIENCE, command.output()).await.map_err(|_| late())??;
        if !output.status.success() {
            return Err(io::Error::other(format!("{} ended with {}", self.program.display(), output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The number that is the page's title.
fn title(page: &str) -> Option<u32> {
    let (_, rest) = page.split_once("<title>")?;
    rest.split_once("</title>")?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_is_the_title_where_that_is_a_number() {
        assert_eq!(title("<html><title>1234</title>"), Some(1_234));
        assert_eq!(title("<html><title>A mail</title>"), None);
        assert_eq!(title("<html>"), None);
    }
}
