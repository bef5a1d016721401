//! A `.env` file: lines of `NAME=value`, as shells and container tools read them.

use bellwether_runtime::secret::Secret;

/// A variable as it stands in the file.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Secret,
}

/// Its variables in their order, and the numbers of lines that are none. A value is not part of what is told: it may
/// be a secret.
pub(super) fn parse(text: &str) -> (Vec<Variable>, Vec<usize>) {
    let (mut variables, mut unreadable) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match variable(line) {
            Some(variable) => variables.push(variable),
            None => unreadable.push(number + 1),
        }
    }
    (variables, unreadable)
}

fn variable(line: &str) -> Option<Variable> {
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if name.is_empty() || !is_name || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(Variable { name: name.into(), value: Secret::new(unquoted(value.trim())?) })
}

/// Without its quotes, or without the comment behind it; none where a quote does not end.
fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.split_once('\'').map(|(inner, _)| inner.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else {
        let end = value.find(" #").unwrap_or(value.len());
        return Some(value[..end].trim_end().to_owned());
    };
    let (mut inner, mut characters) = (String::new(), rest.chars());
    loop {
        match characters.next()? {
            '"' => return Some(inner),
            '\\' => inner.push(match characters.next()? {
                'n' => '\n',
                other => other,
            }),
            other => inner.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_quotes_comments_and_export_and_bad_lines_are_told_by_their_number() {
        let text = "# a comment\n\nA=1\nexport B = \"x \\\"y\\\" # z\" \nC='it''s' \nD=a#b # c\nE=\n\
                    no variable\n1F=x\nG=\"open\nH=k=v\n";
        let (variables, unreadable) = parse(text);
        let read: Vec<(&str, &str)> =
            variables.iter().map(|variable| (variable.name.as_str(), variable.value.reveal())).collect();
        assert_eq!(
            read,
            [("A", "1"), ("B", "x \"y\" # z"), ("C", "it"), ("D", "a#b"), ("E", ""), ("H", "k=v")]
        );
        assert_eq!(unreadable, [8, 9, 10]);
    }
}
