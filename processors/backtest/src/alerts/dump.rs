//! Rows of alert tables in a SQL dump: pg_dump's COPY blocks and INSERTs, those of `--inserts` and those that a
//! dashboard exports. Everything else that stands there is passed over.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::alerts::AlertKind;
use serde_json::Value;

use super::faults::cut;
use super::row::{Cell, Row, Spot};
use super::sql::{Lexer, Token, unescaped};

/// What a table's constraints begin with, where its columns are listed.
const CONSTRAINTS: [&str; 7] = ["constraint", "primary", "unique", "check", "foreign", "exclude", "like"];
/// With what a file of SQL begins, if not with a comment or one of psql's commands.
const STATEMENTS: [&str; 11] =
    ["copy", "insert", "set", "begin", "create", "select", "alter", "drop", "truncate", "start", "do"];

/// Whether the file is SQL.
pub(super) fn is_sql(text: &str) -> bool {
    let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["--", "/*", "\\"].iter().any(|mark| text.trim_start().starts_with(mark))
        || STATEMENTS.contains(&word.to_ascii_lowercase().as_str())
}

/// The rows of all alert tables, in the file's order.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut dump =
        Dump { lexer: Lexer::new(text), columns: BTreeMap::new(), rows: Vec::new(), others: BTreeSet::new() };
    while let Some(token) = dump.lexer.next()? {
        if let Token::Word(word) = &token {
            match word.as_str() {
                "copy" => dump.copy()?,
                "insert" => dump.insert()?,
                "create" => dump.create()?,
                _ => dump.end_statement(&token)?,
            }
        }
    }
    if dump.rows.is_empty() {
        return Err(dump.nothing());
    }
    Ok(dump.rows)
}

struct Dump<'a> {
    lexer: Lexer<'a>,
    /// Of alert tables that were created.
    columns: BTreeMap<AlertKind, Vec<String>>,
    rows: Vec<Row>,
    /// Tables whose rows were passed over.
    others: BTreeSet<String>,
}

impl Dump<'_> {
    /// `copy table (columns) from stdin;` and its lines, up to `\.`.
    fn copy(&mut self) -> Result<(), String> {
        let line = self.lexer.line();
        let statement = self.statement()?;
        let mut words = Words(&statement);
        let table = words.table();
        let columns = words.columns();
        if !words.0.iter().any(|token| token.is_word("stdin")) {
            return Ok(());
        }
        let kind = self.kind(&table);
        self.lexer.rest_of_line();
        let mut number = self.lexer.line();
        while let Some(text) = self.lexer.rest_of_line().filter(|text| *text != "\\.") {
            if let Some(kind) = kind {
                let columns = self.named(kind, &columns, line)?;
                self.row(kind, number, &columns, text.split('\t').map(copied).collect())?;
            }
            number = self.lexer.line();
        }
        Ok(())
    }

    /// `insert into table (columns) values (…), (…);`.
    fn insert(&mut self) -> Result<(), String> {
        let line = self.lexer.line();
        let mut head = Vec::new();
        let ended = loop {
            match self.token()? {
                token if token.is_word("values") || token.is_sign(';') => break token,
                token => head.push(token),
            }
        };
        let mut words = Words(head.get(1..).unwrap_or_default());
        let table = words.table();
        let columns = words.columns();
        let Some(kind) = self.kind(&table) else { return self.end_statement(&ended) };
        if ended.is_sign(';') || head.iter().any(|token| token.is_word("select")) {
            return Err(format!("line {line}: only rows of VALUES can be read, not what a query gives"));
        }
        let columns = self.named(kind, &columns, line)?;
        loop {
            let token = self.token()?;
            if token.is_sign('(') {
                let number = self.lexer.line();
                let cells = self.tuple()?;
                self.row(kind, number, &columns, cells)?;
            } else if !token.is_sign(',') {
                return self.end_statement(&token);
            }
        }
    }

    /// The values of one row, behind its opening parenthesis.
    fn tuple(&mut self) -> Result<Vec<Cell>, String> {
        let (mut cells, mut value, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        loop {
            let token = self.token()?;
            match &token {
                Token::Sign(',') if depth == 0 => cells.push(inserted(&std::mem::take(&mut value))),
                Token::Sign(')') if depth == 0 => {
                    cells.push(inserted(&value));
                    return Ok(cells);
                }
                _ => {
                    match &token {
                        Token::Sign('(' | '[') => depth += 1,
                        Token::Sign(')' | ']') => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    value.push(token);
                }
            }
        }
    }

    /// `create table`: the names of its columns, for rows that come without.
    fn create(&mut self) -> Result<(), String> {
        let statement = self.statement()?;
        let Some(place) = statement.iter().position(|token| token.is_word("table")) else { return Ok(()) };
        let mut words = Words(&statement[place + 1..]);
        if let (Some(kind), Some(columns)) = (words.table().kind(), words.columns()) {
            self.columns.insert(kind, columns);
        }
        Ok(())
    }

    /// The columns that a statement names, else those of its table as the file creates it.
    fn named(
        &self,
        kind: AlertKind,
        columns: &Option<Vec<String>>,
        line: u64,
    ) -> Result<Vec<String>, String> {
        columns.as_ref().or_else(|| self.columns.get(&kind)).cloned().ok_or_else(|| {
            format!(
                "line {line}: rows of {} without the names of their columns, and the file does not create the table: \
                 dump it with --column-inserts",
                kind.table()
            )
        })
    }

    fn row(
        &mut self,
        kind: AlertKind,
        line: u64,
        columns: &[String],
        cells: Vec<Cell>,
    ) -> Result<(), String> {
        if cells.len() != columns.len() {
            return Err(format!("line {line}: has {} values for {} columns", cells.len(), columns.len()));
        }
        let cells = columns.iter().cloned().zip(cells).collect();
        self.rows.push(Row { spot: Spot::Line(line), table: Some(kind), cells });
        Ok(())
    }

    /// Whose alerts the rows of a table are; the names of the others are kept for an error.
    fn kind(&mut self, table: &Table) -> Option<AlertKind> {
        let found = table.kind();
        if found.is_none() {
            self.others.insert(cut(&table.name));
        }
        found
    }

    /// The tokens up to the statement's end.
    fn statement(&mut self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        while let Some(token) = self.lexer.next()?.filter(|token| !token.is_sign(';')) {
            tokens.push(token);
        }
        Ok(tokens)
    }

    fn end_statement(&mut self, last: &Token) -> Result<(), String> {
        if last.is_sign(';') { Ok(()) } else { self.statement().map(drop) }
    }

    /// The next token of a statement that is not over.
    fn token(&mut self) -> Result<Token, String> {
        let next = self.lexer.next()?;
        next.ok_or_else(|| format!("line {}: the file ends within a statement", self.lexer.line()))
    }

    fn nothing(&self) -> String {
        let wanted = AlertKind::ALL.map(AlertKind::table).join(", ");
        let others: Vec<&str> = self.others.iter().take(10).map(String::as_str).collect();
        let found = if others.is_empty() {
            "no rows at all".into()
        } else {
            format!("rows of {}", others.join(", "))
        };
        format!("is a dump without rows of an alert table ({wanted}): it has {found}")
    }
}

/// A table's name, and its schema where it is given.
struct Table {
    schema: Option<String>,
    name: String,
}

impl Table {
    fn kind(&self) -> Option<AlertKind> {
        let is_ours = self.schema.as_deref().is_none_or(|schema| schema == "public");
        let named = |kind: &AlertKind| [kind.table(), kind.name()].contains(&self.name.as_str());
        AlertKind::ALL.into_iter().find(named).filter(|_| is_ours)
    }
}

/// What is left of a statement.
struct Words<'a>(&'a [Token]);

impl Words<'_> {
    /// The table's name, behind whatever keywords stand before it.
    fn table(&mut self) -> Table {
        while let [token, rest @ ..] = self.0
            && ["only", "if", "not", "exists"].iter().any(|word| token.is_word(word))
        {
            self.0 = rest;
        }
        let mut table = Table { schema: None, name: String::new() };
        while let [Token::Word(name) | Token::Name(name), rest @ ..] = self.0 {
            table = Table { schema: Some(table.name).filter(|name| !name.is_empty()), name: name.clone() };
            self.0 = rest;
            match rest {
                [dot, rest @ ..] if dot.is_sign('.') => self.0 = rest,
                _ => break,
            }
        }
        table
    }

    /// The names at the head of each part of the list in parentheses, constraints left out. None without a list.
    fn columns(&mut self) -> Option<Vec<String>> {
        let open = self.0.iter().position(|token| token.is_sign('('))?;
        let (mut names, mut depth, mut is_head) = (Vec::new(), 0_usize, true);
        for token in &self.0[open + 1..] {
            match token {
                Token::Sign(')') if depth == 0 => break,
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                Token::Sign(',') if depth == 0 => is_head = true,
                Token::Word(word) if is_head && CONSTRAINTS.contains(&word.as_str()) => is_head = false,
                Token::Word(name) | Token::Name(name) if is_head => {
                    names.push(name.clone());
                    is_head = false;
                }
                _ => {}
            }
        }
        Some(names)
    }
}

/// One cell of a COPY line.
fn copied(text: &str) -> Cell {
    if text == "\\N" {
        return Cell::Null;
    }
    let chars: Vec<char> = text.chars().collect();
    let (mut read, mut place) = (String::with_capacity(text.len()), 0);
    while let Some(c) = chars.get(place) {
        let (meant, length) = if *c == '\\' { unescaped(&chars[place + 1..]) } else { (*c, 0) };
        read.push(meant);
        place += 1 + length;
    }
    Cell::Text(read)
}

/// One value of an INSERT: a literal, whatever it is cast to, or an array of such.
fn inserted(value: &[Token]) -> Cell {
    match without_cast(value) {
        [Token::Text(text)] => Cell::Text(text.clone()),
        [Token::Word(word)] if word == "null" || word == "default" => Cell::Null,
        [Token::Word(word)] if is_plain(word) => Cell::Text(word.clone()),
        [Token::Sign(sign @ ('-' | '+')), Token::Word(word)] if is_plain(word) => {
            Cell::Text(format!("{sign}{word}"))
        }
        [array, Token::Sign('['), elements @ .., Token::Sign(']')] if array.is_word("array") => {
            let texts = elements.split(|token| token.is_sign(','));
            let texts: Option<Vec<Value>> = texts.filter(|one| !one.is_empty()).map(text).collect();
            texts.map_or_else(|| expression(value), |texts| Cell::Json(Value::Array(texts)))
        }
        _ => expression(value),
    }
}

/// What stands before a `::` outside of brackets.
fn without_cast(value: &[Token]) -> &[Token] {
    let mut depth = 0_i32;
    let cast = value.iter().position(|token| {
        match token {
            Token::Sign('[' | '(') => depth += 1,
            Token::Sign(']' | ')') => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is_sign(':')
    });
    cast.map_or(value, |cast| &value[..cast])
}

/// A number, or a truth value.
fn is_plain(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) || matches!(word, "true" | "false")
}

fn text(element: &[Token]) -> Option<Value> {
    match inserted(element) {
        Cell::Text(text) => Some(text.into()),
        _ => None,
    }
}

fn expression(value: &[Token]) -> Cell {
    let words = value.iter().map(|token| match token {
        Token::Word(word) | Token::Name(word) => word.clone(),
        Token::Text(text) => format!("'{text}'"),
        Token::Sign(sign) => sign.to_string(),
    });
    Cell::Expression(cut(&words.collect::<String>()))
}
