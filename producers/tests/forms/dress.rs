//! What programs and spreadsheets do to a table on its way into a file.

use std::io::Write;

/// What programs and spreadsheets do to a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dress {
    pub(crate) encoding: Encoding,
    pub(crate) packed: Packed,
    pub(crate) line_end: &'static str,
    pub(crate) delimiter: char,
    pub(crate) quoted: bool,
    pub(crate) decimal_comma: bool,
    pub(crate) capitals: bool,
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoding {
    Utf8,
    Bom,
    Utf16Le,
    Utf16Be,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Packed {
    Plain,
    Gzip,
    Zip,
}

impl Dress {
    /// What a table may be written in that says nothing of its own: its program's delimiter and order of columns.
    fn strict(self, delimiter: char) -> Self {
        Self { quoted: false, decimal_comma: false, capitals: false, delimiter, seed: 0, ..self }
    }
}

/// Cells under a header, or without one.
pub(crate) struct Table {
    delimiter: char,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(delimiter: char, header: &str, rows: Vec<Vec<String>>) -> Self {
        let names = header.split(delimiter).filter(|_| !header.is_empty());
        Self { delimiter, header: names.map(String::from).collect(), rows }
    }

    /// Written in this dress; where it is not `free`, in its program's order, delimiter and spelling.
    pub(crate) fn write(&self, free: bool, dress: &Dress) -> String {
        let dress = if free { *dress } else { dress.strict(self.delimiter) };
        let columns = self.rows[0].len();
        let order = if free { shuffled(columns, dress.seed) } else { (0..columns).collect() };
        let name = |name: &String| if dress.capitals { name.to_uppercase() } else { name.clone() };
        let cell = |cell: &String| {
            if dress.decimal_comma && is_price(cell) { cell.replace('.', ",") } else { cell.clone() }
        };
        let header: Vec<String> = self.header.iter().map(name).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(cell).collect());
        let lines = std::iter::once(header).filter(|header| !header.is_empty()).chain(rows);
        lines.map(|cells: Vec<String>| line(&cells, &order, &dress)).collect()
    }
}

fn line(cells: &[String], order: &[usize], dress: &Dress) -> String {
    let cells = order.iter().map(|place| &cells[*place]);
    let cells: Vec<String> =
        cells.map(|cell| if dress.quoted { format!("\"{cell}\"") } else { cell.clone() }).collect();
    cells.join(&dress.delimiter.to_string()) + dress.line_end
}

fn is_price(cell: &str) -> bool {
    cell.matches('.').count() == 1 && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// An order of columns that follows from the seed.
fn shuffled(columns: usize, mut seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..columns).collect();
    for last in (1..columns).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, usize::try_from(seed >> 33).unwrap() % (last + 1));
    }
    order
}

pub(crate) fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    let units = |bytes: fn(u16) -> [u8; 2]| {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Bom => format!("\u{feff}{text}").into_bytes(),
        Encoding::Utf16Le => units(u16::to_le_bytes),
        Encoding::Utf16Be => units(u16::to_be_bytes),
    }
}

pub(crate) fn pack(bytes: &[u8], packed: Packed, name: &str) -> Vec<u8> {
    match packed {
        Packed::Plain => bytes.to_vec(),
        Packed::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        }
        Packed::Zip => {
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let stored =
                zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file(name, stored).unwrap();
            zip.write_all(bytes).unwrap();
            zip.start_file("status.txt", stored).unwrap();
            zip.write_all(b"gaps: none").unwrap();
            zip.finish().unwrap().into_inner()
        }
    }
}
