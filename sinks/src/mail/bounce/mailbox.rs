//! Mails out of a file: an mbox with many, or a single mail. One is in memory at a time, and of that at most
//! [`MOST`] bytes.

use std::io::{self, BufRead, Read};

use super::report::MOST;

/// Most bytes of a line at once; a longer one comes in pieces.
const LINE: u64 = 64 * 1024;

/// The mails of a file, in its order.
pub struct Mails<R> {
    reader: R,
    line: Vec<u8>,
    /// Mails begin with a line `From …`, as in an mbox.
    many: bool,
    started: bool,
}

impl<R: BufRead> Mails<R> {
    /// Reads from there. Which form it is, its first line says.
    pub const fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), many: false, started: false }
    }

    /// The next piece of a line; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        Ok(self.reader.by_ref().take(LINE).read_until(b'\n', &mut self.line)? > 0)
    }

    fn mail(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.started {
            self.started = true;
            if !self.advance()? {
                return Ok(None);
            }
            self.many = self.line.starts_with(b"From ");
        } else if self.line.is_empty() {
            return Ok(None);
        }
        let (mut mail, mut after_empty, mut begins) = (Vec::new(), false, self.many);
        loop {
            // In an mbox the line that begins the next mail follows an empty one.
            if self.many && after_empty && self.line.starts_with(b"From ") {
                return Ok(Some(mail));
            }
            if !begins {
                let quoted = self.many && self.line.iter().find(|byte| **byte != b'>') == Some(&b'F');
                let line = self.line.strip_prefix(b">").filter(|line| quoted && is_from(line));
                let line = line.unwrap_or(&self.line);
                mail.extend_from_slice(&line[..line.len().min(MOST - mail.len())]);
            }
            begins = false;
            after_empty = matches!(self.line.as_slice(), b"\n" | b"\r\n");
            if !self.advance()? {
                return Ok(Some(mail));
            }
        }
    }
}

/// `From ` behind any number of `>`: what a writer of an mbox put one more before.
fn is_from(line: &[u8]) -> bool {
    let bare = line.iter().position(|byte| *byte != b'>').unwrap_or(line.len());
    line[bare..].starts_with(b"From ")
}

impl<R: BufRead> Iterator for Mails<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.mail().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(text: &str) -> Vec<String> {
        Mails::new(text.as_bytes()).map(|mail| String::from_utf8(mail.unwrap()).unwrap()).collect()
    }

    #[test]
    fn an_mbox_is_cut_at_its_from_lines_and_a_single_mail_is_one() {
        assert_eq!(mails(""), [""; 0]);
        assert_eq!(mails("A: b\n\nFrom here\n"), ["A: b\n\nFrom here\n"]);
        let mbox =
            "From x Mon\nA: 1\n\nFrom\nFrom within\n>From quoted\n>>From twice\n>x\n\nFrom y Tue\nA: 2\n";
        assert_eq!(mails(mbox), ["A: 1\n\nFrom\nFrom within\nFrom quoted\n>From twice\n>x\n\n", "A: 2\n"]);
    }

    #[test]
    fn a_mail_without_end_is_kept_up_to_the_limit_and_the_next_one_is_found() {
        let mbox = format!("From x\nA: 1\n\n{}\n\nFrom y\nA: 2\n", "x".repeat(3 * MOST));
        let sizes: Vec<usize> = mails(&mbox).iter().map(String::len).collect();
        assert_eq!(sizes, [MOST, 5]);
    }
}
