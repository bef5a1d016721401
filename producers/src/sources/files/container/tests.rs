//! Archives as they are delivered, cut and damaged.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;

use super::*;

/// One member of an archive made by hand, so that the crate that reads is not the one that writes.
#[derive(Clone, Copy)]
struct Packed<'a> {
    name: &'a str,
    text: &'a [u8],
    method: u16,
    flags: u16,
}

const fn deflated<'a>(name: &'a str, text: &'a [u8]) -> Packed<'a> {
    Packed { name, text, method: 8, flags: 0 }
}

const fn stored<'a>(name: &'a str, text: &'a [u8]) -> Packed<'a> {
    Packed { name, text, method: 0, flags: 0 }
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zip(members: &[Packed<'_>]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let begin = u32::try_from(file.len()).unwrap();
        let data = if member.method == 8 { deflate(member.text) } else { member.text.to_vec() };
        let mut header = Vec::new();
        for field in [20, member.flags, member.method, 0, 0x21] {
            header.extend(field.to_le_bytes());
        }
        let sizes = [data.len(), member.text.len()].map(|size| u32::try_from(size).unwrap());
        for field in
            [crc32fast::hash(member.text), sizes[0], sizes[1], u32::try_from(member.name.len()).unwrap()]
        {
            header.extend(field.to_le_bytes());
        }
        file.extend(b"PK\x03\x04");
        file.extend(&header);
        file.extend(member.name.as_bytes());
        file.extend(&data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&header);
        directory.extend([0; 10]);
        directory.extend(begin.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let (begin, size) = (u32::try_from(file.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    file.extend(directory);
    file.extend(
        [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size.to_le_bytes(), &begin.to_le_bytes(), &[0, 0]]
            .concat(),
    );
    file
}

/// What is read of a file with this content, its member's name, and how many bytes were counted.
fn read(content: &[u8]) -> Result<(Vec<u8>, Option<String>, u64), InputError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let bytes = Arc::new(AtomicU64::new(0));
    let mut opened = open(file.path(), Arc::clone(&bytes))?;
    let mut text = Vec::new();
    opened.reader.read_to_end(&mut text).map_err(|error| {
        assert!(is_damage(&error), "{error}");
        io_error(file.path(), &error)
    })?;
    Ok((text, opened.member, bytes.load(Ordering::Relaxed)))
}

/// What is said of a file with this content, without its path.
fn said(content: &[u8]) -> String {
    let error = read(content).map(|read| read.0.len()).unwrap_err().to_string();
    error.split_once(": ").unwrap().1.into()
}

/// Lines that do not pack into nothing.
fn rows(count: u64) -> Vec<u8> {
    let mix = |row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (0..count).flat_map(|row| format!("{row},1.{:08}\n", mix(row)).into_bytes()).collect()
}

#[test]
fn plain_gzipped_and_zipped_files_read_alike() {
    let text = rows(20_000);
    let size = text.len() as u64;
    assert_eq!(read(&text), Ok((text.clone(), None, size)));
    let packed = gzip(&text);
    assert_eq!(read(&packed), Ok((text.clone(), None, packed.len() as u64)));
    let twice = [packed, gzip(b"end\n")].concat();
    assert_eq!(read(&twice).unwrap().0, [&text[..], b"end\n"].concat());
    let member = Some(String::from("dir/a.csv"));
    let counted = deflate(&text).len() as u64;
    assert_eq!(read(&zip(&[deflated("dir/a.csv", &text)])), Ok((text.clone(), member.clone(), counted)));
    assert_eq!(read(&zip(&[stored("dir/a.csv", &text)])), Ok((text, member, size)));
}

#[test]
fn what_lies_beside_the_data_is_passed_over() {
    let members = [
        stored("x/", b""),
        deflated("__MACOSX/x/._a.csv", b"\0"),
        stored("x/.DS_Store", b"\0"),
        stored("x/a.TXT", b"a report"),
        stored("terms.pdf", b"%PDF-"),
        stored("index.html", b"<html>"),
        deflated("x/a.csv", b"1,2\n"),
    ];
    assert_eq!(
        read(&zip(&members)),
        Ok((b"1,2\n".to_vec(), Some("x/a.csv".into()), deflate(b"1,2\n").len() as u64))
    );
    assert_eq!(read(&zip(&members[..6])).unwrap().1.as_deref(), Some("x/a.TXT"));
}

#[test]
fn an_archive_without_exactly_one_file_of_data_says_what_is_in_it() {
    let names = ["1.csv", "2.csv", "3.csv", "4.csv", "5.csv", "6.csv"].map(|name| stored(name, b"1"));
    let list = "there are 6 files in this archive (1.csv, 2.csv, 3.csv, 4.csv, 5.csv, …): unpack it and name one of them";
    assert_eq!(said(&zip(&names)), list);
    let two = "there are 2 files in this archive (1.csv, 2.csv): unpack it and name one of them";
    assert_eq!(said(&zip(&names[..2])), two);
    assert_eq!(said(&zip(&[])), "there is no data in this archive");
    assert_eq!(
        said(&zip(&[stored("a/", b""), stored("a.pdf", b"%PDF-")])),
        "there is no data in this archive"
    );
}

#[test]
fn what_cannot_be_unpacked_says_why() {
    let encrypted = Packed { flags: 1, ..deflated("a.csv", b"1") };
    assert_eq!(said(&zip(&[encrypted])), "a.csv is encrypted: unpack it with its password");
    let other = Packed { method: 12, ..deflated("a.csv", b"1") };
    assert!(said(&zip(&[other])).starts_with("a.csv is packed as "));
}

#[test]
fn a_workbook_is_not_data() {
    let excel = [stored("[Content_Types].xml", b"<"), stored("xl/workbook.xml", b"<")];
    assert_eq!(said(&zip(&excel)), "is a spreadsheet workbook: save it as CSV");
    let libre = [stored("content.xml", b"<"), stored("META-INF/manifest.xml", b"<")];
    assert_eq!(said(&zip(&libre)), "is a spreadsheet workbook: save it as CSV");
}

#[test]
fn what_is_no_text_is_named_plain_and_packed() {
    for content in [b"PAR1....".to_vec(), gzip(b"PAR1...."), zip(&[deflated("a.csv", b"PAR1....")])] {
        assert!(said(&content).starts_with("is a Parquet file: "), "{}", said(&content));
    }
    assert!(said(&gzip(&gzip(b"1,2\n"))).starts_with("is an archive in an archive"));
}

#[test]
fn an_empty_file_is_empty_even_when_it_is_packed() {
    for content in [Vec::new(), gzip(b""), zip(&[deflated("a.csv", b"")])] {
        assert_eq!(said(&content), "no rows: it is empty");
    }
}

#[test]
fn a_missing_file_is_missing_and_a_directory_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let missing = open(&directory.path().join("a.csv"), Arc::default()).map(|_| ()).unwrap_err();
    assert!(matches!(missing, InputError::Missing { .. }));
    assert!(matches!(
        open(directory.path(), Arc::default()),
        Err(InputError::Kind { what: "a directory", .. })
    ));
}

#[test]
fn a_damaged_archive_says_so_even_in_the_middle_of_reading() {
    let text = rows(50_000);
    for whole in [gzip(&text), zip(&[deflated("a.csv", &text)]), zip(&[stored("a.csv", &text)])] {
        for length in [whole.len() / 2, whole.len() - 1, 30, 11] {
            assert!(said(&whole[..length]).starts_with("damaged archive: "), "cut at {length}");
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        assert!(said(&flipped).ends_with(": fetch it again"));
    }
    assert_eq!(said(&gzip(&text)[..5000]), "damaged archive: it ends too early: fetch it again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_archive_is_read_wrong(at in any::<proptest::sample::Index>(), bit in 0u8..8, kind in 0usize..3) {
        let text = rows(300);
        let mut content = [gzip(&text), zip(&[deflated("a.csv", &text)]), zip(&[stored("a.csv", &text)])][kind].clone();
        let index = at.index(content.len());
        content[index] ^= 1 << bit;
        // Damage to what says nothing about the text, such as its time, harms nobody.
        if let Ok((read, member, _)) = read(&content) {
            let plain = !content.starts_with(GZIP) && member.is_none();
            prop_assert!(read == text || plain);
        }
    }
}
