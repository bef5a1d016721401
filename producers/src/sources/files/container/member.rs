//! The one file of data in a zip archive.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{Counted, Damage, Opened, io_error, unpacking};
use crate::error::InputError;

/// What lies beside data and explains it.
const DOCUMENTS: [&str; 9] = [".txt", ".pdf", ".html", ".htm", ".md", ".rtf", ".url", ".png", ".jpg"];
/// The one of them that may be data itself.
const TEXT: &str = ".txt";
/// Members that an error names.
const NAMED: usize = 5;

/// Where a member lies and how it is packed.
struct Member {
    name: String,
    begin: u64,
    packed: u64,
    crc: u32,
    method: CompressionMethod,
    encrypted: bool,
}

/// Why an archive cannot be used.
enum Refused {
    Archive(String),
    Workbook,
    Io(io::Error),
}

impl From<ZipError> for Refused {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Io(Damage::error("it ends too early"))
            }
            ZipError::Io(error) => Self::Io(error),
            ZipError::UnsupportedArchive(what) => {
                Self::Archive(format!("this kind of zip archive is not read ({what}): unpack it"))
            }
            other => Self::Io(Damage::error(other.to_string())),
        }
    }
}

/// Opens the archive's one file of data. The file's place does not matter.
pub(super) fn open(path: &Path, file: Counted) -> Result<Opened, InputError> {
    opened(file).map_err(|refused| match refused {
        Refused::Archive(reason) => InputError::Archive { file: path.into(), reason },
        Refused::Workbook => {
            InputError::Kind { file: path.into(), what: "a spreadsheet workbook", advice: "save it as CSV" }
        }
        Refused::Io(error) => io_error(path, &error),
    })
}

fn opened(file: Counted) -> Result<Opened, Refused> {
    let Counted { mut reader, bytes } = file;
    reader.rewind().map_err(Refused::Io)?;
    let mut archive = ZipArchive::new(reader)?;
    let member = found(&mut archive)?;
    if member.encrypted {
        return Err(Refused::Archive(format!("{} is encrypted: unpack it with its password", member.name)));
    }
    let mut reader = archive.into_inner();
    reader.seek(SeekFrom::Start(member.begin)).map_err(Refused::Io)?;
    let packed = Counted { reader, bytes }.take(member.packed);
    let reader = match member.method {
        CompressionMethod::STORE => unpacking(Checked::new(packed, member.crc)),
        CompressionMethod::DEFLATE => unpacking(Checked::new(DeflateDecoder::new(packed), member.crc)),
        other => return Err(Refused::Archive(format!("{} is packed as {other}: unpack it", member.name))),
    };
    Ok(Opened { reader, member: Some(member.name) })
}

/// Where the one file of data lies.
fn found<R: BufRead + Seek>(archive: &mut ZipArchive<R>) -> Result<Member, Refused> {
    let names: Vec<String> =
        archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if is_workbook(&names) {
        return Err(Refused::Workbook);
    }
    let index = chosen(&names).map_err(Refused::Archive)?;
    let file = archive.by_index_raw(index)?;
    let begin = file.data_start().ok_or_else(|| Refused::Io(Damage::error("a file in it has no place")))?;
    Ok(Member {
        name: names[index].clone(),
        begin,
        packed: file.compressed_size(),
        crc: file.crc32(),
        method: file.compression(),
        encrypted: file.encrypted(),
    })
}

/// Spreadsheets are zip archives, of Excel and of LibreOffice.
fn is_workbook(names: &[String]) -> bool {
    let has = |known: &str| names.iter().any(|name| name == known);
    let excel = has("[Content_Types].xml") && names.iter().any(|name| name.starts_with("xl/"));
    excel || has("xl/workbook.xml") || (has("content.xml") && has("META-INF/manifest.xml"))
}

/// The index of the one file of data, or what to say instead.
fn chosen(names: &[String]) -> Result<usize, String> {
    let files = || (0..names.len()).filter(|index| is_file(&names[*index]));
    let ends = |index: usize, endings: &[&str]| {
        let name = names[index].to_ascii_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let mut data: Vec<usize> = files().filter(|index| !ends(*index, &DOCUMENTS)).collect();
    if data.is_empty() {
        data = files().filter(|index| ends(*index, &[TEXT])).collect();
    }
    match data.as_slice() {
        [] => Err("there is no data in this archive".into()),
        [index] => Ok(*index),
        several => {
            let named: Vec<&str> = several.iter().take(NAMED).map(|index| names[*index].as_str()).collect();
            let more = if several.len() > NAMED { ", …" } else { "" };
            let (count, named) = (several.len(), named.join(", "));
            Err(format!(
                "there are {count} files in this archive ({named}{more}): unpack it and name one of them"
            ))
        }
    }
}

/// Neither a directory nor what an operating system leaves behind.
fn is_file(name: &str) -> bool {
    let hidden = |part: &str| part == "__MACOSX" || part.starts_with('.');
    !name.ends_with(['/', '\\']) && !name.split(['/', '\\']).any(hidden)
}

/// A member's content, compared with the archive's checksum at its end.
struct Checked<R> {
    reader: R,
    hasher: crc32fast::Hasher,
    crc: u32,
}

impl<R> Checked<R> {
    fn new(reader: R, crc: u32) -> Self {
        Self { reader, hasher: crc32fast::Hasher::new(), crc }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() && self.hasher.clone().finalize() != self.crc {
            return Err(Damage::error("its checksum is another"));
        }
        Ok(read)
    }
}
