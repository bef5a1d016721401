//! Groups of header fields as a delivery report has them (RFC 3464 §2.1): lines `Name: value`, those that begin with
//! white space belong to the one before, an empty line ends a group. Whatever else stands there is passed over.

/// Most bytes of a report that are looked at.
const MOST: usize = 256 * 1024;
/// Most groups: the one of the mail, and one a recipient. Ours have one.
const GROUPS: usize = 65;
/// Most fields of a group.
const FIELDS: usize = 32;
/// Most bytes of a value; the rest is left out.
const VALUE: usize = 1_000;

/// One group: names in small letters, values without the white space around them.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first field of that name, given in small letters.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value behind its type: `rfc822; someone@example.org`.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.split_once(';').map_or(value, |(_, value)| value).trim())
    }

    fn add(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        if self.0.len() < FIELDS {
            let mut kept = String::new();
            push(&mut kept, value);
            self.0.push((name.trim().to_ascii_lowercase(), kept));
        }
    }

    fn go_on(&mut self, line: &str) {
        if let Some((_, value)) = self.0.last_mut() {
            push(value, line);
        }
    }
}

/// Adds a line's text behind a space, as far as there is room.
fn push(value: &mut String, line: &str) {
    let (text, room) = (line.trim(), VALUE.saturating_sub(value.len()));
    if room == 0 || text.is_empty() {
        return;
    }
    if !value.is_empty() {
        value.push(' ');
    }
    value.extend(text.chars().filter(|c| !c.is_control()).take(room));
}

/// The groups that hold a field.
pub(super) fn groups(text: &str) -> Vec<Fields> {
    let end = (0..=MOST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (mut groups, mut group) = (Vec::new(), Fields::default());
    for line in text[..end].lines() {
        if line.trim().is_empty() {
            if !group.0.is_empty() {
                groups.push(std::mem::take(&mut group));
            }
            if groups.len() == GROUPS {
                return groups;
            }
        } else if line.starts_with([' ', '\t']) {
            group.go_on(line);
        } else {
            group.add(line);
        }
    }
    if !group.0.is_empty() {
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_grouped_by_empty_lines() {
        let text = "Reporting-MTA: dns; mx.example\r\n\r\n\r\nFINAL-recipient : RFC822; a@x.example\r\n\
            Diagnostic-Code: smtp; 550\r\n\t5.1.1 no\r\n  such user\r\nnonsense\r\n";
        let groups = groups(text);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].typed("final-recipient"), Some("a@x.example"));
        assert_eq!(groups[1].get("diagnostic-code"), Some("smtp; 550 5.1.1 no such user"));
        assert_eq!(groups[1].get("status"), None);
    }

    #[test]
    fn what_has_no_end_is_cut() {
        let flood = format!("a: {}\n{}\n", "é".repeat(5_000), " x\n".repeat(5_000)).repeat(3);
        let many = "a: b\n".repeat(500) + &"\na: b\n".repeat(500);
        for text in [flood, many] {
            let groups = groups(&text);
            assert!(groups.len() <= GROUPS);
            for Fields(fields) in groups {
                assert!(
                    fields.len() <= FIELDS
                        && fields.iter().all(|(_, value)| value.chars().count() <= 2 * VALUE)
                );
            }
        }
    }
}
