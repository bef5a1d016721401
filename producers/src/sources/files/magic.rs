//! What files begin with that are no text, and what to do about each.

use super::text::byte_order;

/// A kind of file that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// What it is, with its article.
    pub(super) what: &'static str,
    /// What its owner can do.
    pub(super) advice: &'static str,
}

const AS_CSV: &str = "save it as CSV";
const FRAME: &str = "write it as CSV, with pandas: to_csv(\"file.csv\", index=False)";
const UNPACK: &str = "unpack it first; .gz and .zip are read as they are";
const PAGE: &str = "open it in a browser: the download may need a login";
const OPEN_IN_TERMINAL: &str = "open the symbol in MetaTrader's history centre and export it as CSV";
const ONCE: &str = "unpack the outer one first";

/// Bytes at the very beginning. A longer beginning comes before a shorter one of the same bytes.
const BEGINNINGS: [(&[u8], &str, &str); 29] = [
    (b"PAR1", "a Parquet file", FRAME),
    (b"ARROW1", "an Arrow or Feather file", FRAME),
    (b"FEA1", "a Feather file", FRAME),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", FRAME),
    (b"\x93NUMPY", "a NumPy array", "write it as CSV, with numpy: savetxt"),
    (b"\x80\x02", "a Python pickle", FRAME),
    (b"\x80\x03", "a Python pickle", FRAME),
    (b"\x80\x04", "a Python pickle", FRAME),
    (b"\x80\x05", "a Python pickle", FRAME),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV, with sqlite3: .mode csv"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet workbook (.xls)", AS_CSV),
    (b"{\\rtf", "a formatted document (.rtf)", "save it as plain text"),
    (b"%PDF-", "a PDF document", "get the data as CSV"),
    (b"<?xml", "an XML document", AS_CSV),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"\x04\x22\x4d\x18", "an lz4 archive", UNPACK),
    (
        b"\x5d\0\0",
        "an LZMA archive or Dukascopy's .bi5",
        "export CSV from Dukascopy's site or JForex, or unpack it",
    ),
    (b"\x1f\x8b", "an archive in an archive", ONCE),
    (b"PK\x03\x04", "an archive in an archive", ONCE),
    (b"PK\x05\x06", "an archive in an archive", ONCE),
    (b"\x90\x01\0\0", "MetaTrader's history (.hst)", OPEN_IN_TERMINAL),
    (b"\x91\x01\0\0", "MetaTrader's history (.hst)", OPEN_IN_TERMINAL),
    (b"\x94\x01\0\0", "MetaTrader's tester ticks (.fxt)", OPEN_IN_TERMINAL),
    (b"\x95\x01\0\0", "MetaTrader's tester ticks (.fxt)", OPEN_IN_TERMINAL),
    (b"\x89PNG", "a picture", "get the data as CSV"),
];

/// How web pages begin, in small letters.
const PAGES: [&[u8]; 3] = [b"<!doctype", b"<html", b"<head"];
/// Bytes of the beginning that must be text.
const LOOKED_AT: usize = 8192;
/// One in so many bytes may be a control character.
const CONTROLS: usize = 20;
/// A shorter beginning says nothing by its controls.
const ENOUGH: usize = 4;

/// What a file is that begins so, if it is not text.
pub(super) fn kind_of(begins: &[u8]) -> Option<Kind> {
    let known = BEGINNINGS.iter().find(|(beginning, ..)| begins.starts_with(beginning));
    if let Some((_, what, advice)) = known {
        return Some(Kind { what, advice });
    }
    if is_page(begins) {
        return Some(Kind { what: "a web page", advice: PAGE });
    }
    let text = byte_order(begins).is_some() || is_text(&begins[..begins.len().min(LOOKED_AT)]);
    (!text).then_some(Kind { what: "not text", advice: "export the data as CSV" })
}

fn is_page(begins: &[u8]) -> bool {
    let begins = begins.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begins).trim_ascii_start();
    let is = |page: &&[u8]| begins.get(..page.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(page));
    PAGES.iter().any(is)
}

/// Text has no zeros and hardly any control characters but tabs and line ends.
fn is_text(begins: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let controls = begins.iter().filter(|byte| control(byte)).count();
    !begins.contains(&0) && (begins.len() < ENOUGH || controls * CONTROLS <= begins.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(begins: &[u8]) -> Option<&'static str> {
        kind_of(begins).map(|kind| kind.what)
    }

    #[test]
    fn text_of_any_encoding_is_text() {
        for text in [
            &b""[..],
            b"t",
            b"\xef\xbb\xbftime,open\r\n1,2",
            b"<DATE>\t<TIME>\n",
            b"\xff\xfet\0i\0m\0e\0",
            b"t\0i\0m\0e\0",
            b"Zeit;\xf6ffnung",
            b"[[1,2]]",
            b"1\x1a",
        ] {
            assert_eq!(what(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_beginning_of_the_table_is_found_first() {
        for (beginning, expected, _) in BEGINNINGS {
            assert_eq!(what(&[beginning, b" and more"].concat()), Some(expected));
        }
    }

    #[test]
    fn a_web_page_is_known_behind_spaces_and_in_any_case() {
        for page in [&b"<!DOCTYPE html>"[..], b"\xef\xbb\xbf \r\n<html lang=en>", b"<HTML>"] {
            assert_eq!(what(page), Some("a web page"));
        }
        assert_eq!(what(b"<htm"), None);
    }

    #[test]
    fn zeros_and_control_characters_are_no_text() {
        assert_eq!(what(b"abc\0def"), Some("not text"));
        assert_eq!(what(b"ab\x01\x02\x03cd"), Some("not text"));
        assert_eq!(what(&[0; 40]), Some("not text"));
    }
}
