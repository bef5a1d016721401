//! The words of a SQL dump: as much of SQL's lexis as it takes to pass over what is not read.

/// One word of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword or a number; in small letters.
    Word(String),
    /// A name in double quotes.
    Name(String),
    /// A text in single quotes, or between dollars.
    Text(String),
    /// Anything else, a character at a time.
    Sign(char),
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    pub(super) const fn is_sign(&self, sign: char) -> bool {
        matches!(self, Self::Sign(own) if *own == sign)
    }
}

/// Reads a dump from its front to its end.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// The line on which the next token begins, or the last one ended.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The next token; none at the end.
    ///
    /// # Errors
    /// A quote, or a comment, that does not end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, String> {
        self.pass_over()?;
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else { return Ok(None) };
        let token = match first {
            '\'' => Token::Text(self.quoted('\'', false)?),
            '"' => Token::Name(self.quoted('"', false)?),
            'e' | 'E' if chars.as_str().starts_with('\'') => {
                self.take(1);
                Token::Text(self.quoted('\'', true)?)
            }
            '$' if self.dollars().is_some() => Token::Text(self.between_dollars()?),
            '0'..='9' => self.word(|c| c.is_ascii_alphanumeric() || c == '.'),
            c if c.is_alphabetic() || c == '_' => {
                self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
            }
            sign => {
                self.take(sign.len_utf8());
                Token::Sign(sign)
            }
        };
        Ok(Some(token))
    }

    /// The rest of the line that the last token stands on, without its end; the next token is on the line after it.
    pub(super) fn rest_of_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.take((end + 1).min(self.rest.len()));
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.rest = rest;
        taken
    }

    /// White space, comments, and psql's own commands.
    fn pass_over(&mut self) -> Result<(), String> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if self.rest.starts_with("--") || self.rest.starts_with('\\') {
                self.rest_of_line();
            } else if self.rest.starts_with("/*") {
                self.comment()?;
            } else {
                return Ok(());
            }
        }
    }

    /// Comments may stand in comments.
    fn comment(&mut self) -> Result<(), String> {
        let (begun, mut depth) = (self.line, 0_usize);
        loop {
            match self.rest.as_bytes() {
                [b'/', b'*', ..] => depth += 1,
                [b'*', b'/', ..] => depth -= 1,
                [] => return Err(format!("line {begun}: a comment that does not end")),
                _ => {
                    let next = self.rest.chars().next().map_or(0, char::len_utf8);
                    self.take(next);
                    continue;
                }
            }
            self.take(2);
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> Token {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        Token::Word(self.take(end).to_ascii_lowercase())
    }

    /// Text in these quotes: two of them are one; with `escapes` a backslash begins one.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, String> {
        let (mut text, mut end) = (String::new(), None);
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((place, c)) = chars.next() {
            if c == '\\' && escapes {
                let escape: Vec<char> = self.rest[place..].chars().take(1 + LONGEST_ESCAPE).collect();
                let (meant, length) = unescaped(&escape[1..]);
                text.push(meant);
                for _ in 0..length {
                    chars.next();
                }
            } else if c != quote {
                text.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                end = Some(place + 1);
                break;
            }
        }
        let end = end.ok_or_else(|| format!("line {}: a quote that does not end", self.line))?;
        self.take(end);
        Ok(text)
    }

    /// `$$` or `$tag$` where the rest begins with one.
    fn dollars(&self) -> Option<&'a str> {
        let end = 1 + self.rest[1..].find('$')?;
        let tag = &self.rest[1..end];
        let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit())
            && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_tag.then_some(&self.rest[..=end])
    }

    fn between_dollars(&mut self) -> Result<String, String> {
        let (begun, mark) = (self.line, self.dollars().unwrap_or("$$"));
        self.take(mark.len());
        let end = self.rest.find(mark).ok_or_else(|| format!("line {begun}: a {mark} that does not end"))?;
        let text = self.take(end).to_owned();
        self.take(mark.len());
        Ok(text)
    }
}

/// Characters of an escape at most, without its backslash.
const LONGEST_ESCAPE: usize = 3;

/// What stands for what behind a backslash, in COPY's lines and in E'' texts, and how many characters that takes.
pub(super) fn unescaped(escape: &[char]) -> (char, usize) {
    let digits = |from: usize, radix: u32, most: usize| {
        let digits = escape.iter().skip(from).take(most).map_while(|c| c.to_digit(radix));
        digits.fold((0, 0), |(value, count), digit| (value * radix + digit, count + 1))
    };
    match escape {
        [] => ('\\', 0),
        ['b', ..] => ('\u{8}', 1),
        ['f', ..] => ('\u{c}', 1),
        ['n', ..] => ('\n', 1),
        ['r', ..] => ('\r', 1),
        ['t', ..] => ('\t', 1),
        ['v', ..] => ('\u{b}', 1),
        ['0'..='7', ..] => {
            let (value, count) = digits(0, 8, 3);
            (char::from_u32(value).unwrap_or('\u{fffd}'), count)
        }
        ['x', digit, ..] if digit.is_ascii_hexdigit() => {
            let (value, count) = digits(1, 16, 2);
            (char::from_u32(value).unwrap_or('\u{fffd}'), 1 + count)
        }
        [other, ..] => (*other, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token>, String> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        while let Some(token) = lexer.next()? {
            tokens.push(token);
        }
        Ok(tokens)
    }

    #[test]
    fn quotes_comments_and_commands_are_passed_over_as_postgres_does() {
        let text = "-- a 'comment\n\\restrict x\n/* ; /* ' */ */ INSERT \"A\"\"b\" 'it''s \\n' E'a\\tb\\'\\x41' $f$ ' ; $f$ 1.5e3;";
        let word = |word: &str| Token::Word(word.into());
        let texts = ["it's \\n", "a\tb'A", " ' ; "].map(|text| Token::Text(text.into()));
        let expected = [word("insert"), Token::Name("A\"b".into())];
        let expected = expected.into_iter().chain(texts).chain([word("1.5e3"), Token::Sign(';')]);
        assert_eq!(tokens(text).unwrap(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn what_does_not_end_says_where_it_began() {
        assert_eq!(tokens("\n'a\nb").unwrap_err(), "line 2: a quote that does not end");
        assert_eq!(tokens("\n\n/* /* */").unwrap_err(), "line 3: a comment that does not end");
        assert_eq!(tokens("$x$ $y$").unwrap_err(), "line 1: a $x$ that does not end");
        assert_eq!(tokens("$1").unwrap(), [Token::Sign('$'), Token::Word("1".into())]);
    }
}
