//! A tar file in the form that every tar reads (POSIX ustar): a block that names a file, its bytes, and blocks of zeros.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::SECOND;

const BLOCK: usize = 512;
/// Below which all files stand, so that unpacking makes one directory.
const TOP: &str = "bellwether-debug/";
/// Most bytes of a file's name, with [`TOP`].
const NAME: usize = 100;

/// The archive of these files.
pub(super) fn tar(files: &[(String, String)], now: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, text) in files {
        bytes.extend(head(name, text.len(), now.0 / SECOND));
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

fn head(name: &str, size: usize, seconds: i64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut name = format!("{TOP}{name}");
    while name.len() > NAME {
        name.pop();
    }
    let fields = [
        (0, name),
        (100, "0000600".into()),
        (108, "0000000".into()),
        (116, "0000000".into()),
        (124, format!("{size:011o}")),
        (136, format!("{:011o}", seconds.max(0))),
        // While the sum is taken, its own place holds spaces.
        (148, " ".repeat(8)),
        (156, "0".into()),
        (257, "ustar\x0000".into()),
    ];
    for (at, text) in fields {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_tar_unpacks_it() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(120);
        let files = [("a.txt", "one\n"), ("tenants/fxlabs/b.json", ""), (long.as_str(), "two")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        std::fs::write(dir.path().join("F"), tar(&files, Timestamp(1_704_189_600_000_000))).unwrap();
        let ran = Command::new("tar").args(["-xf", "F"]).current_dir(dir.path()).output().unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        let read = |name: &str| std::fs::read_to_string(dir.path().join(TOP).join(name)).unwrap();
        assert_eq!((read("a.txt").as_str(), read("tenants/fxlabs/b.json").as_str()), ("one\n", ""));
        assert_eq!(read(&long[..NAME - TOP.len()]), "two");
    }
}
