//! Functions and the calls in them, from a file's tokens.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenTree};

/// A call is of the seam when one of these is what it is called on or given.
const OF_THE_SEAM: [&str; 4] = ["log", "reader", "consumer", "ack"];

/// A function of the sources.
pub(crate) struct Function {
    pub(crate) file: String,
    /// The type it belongs to.
    pub(crate) owner: Option<String>,
    pub(crate) name: String,
    pub(crate) is_async: bool,
    pub(crate) doc: String,
    pub(crate) calls: Vec<Call>,
}

/// A call of something by its name.
pub(crate) struct Call {
    pub(crate) name: String,
    /// Of `Type::name` and `module::name`, what stands before.
    pub(crate) qualifier: Option<String>,
    pub(crate) is_method: bool,
    pub(crate) line: usize,
    /// Made on a thread that runs tasks.
    pub(crate) by_task: bool,
    /// The log, or what it gives, is in the receiver or among the arguments.
    pub(crate) of_seam: bool,
}

/// Who runs a piece of code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RunBy {
    Task,
    Thread,
}

fn is(token: Option<&TokenTree>, text: &str) -> bool {
    token.is_some_and(|token| match token {
        TokenTree::Ident(ident) => ident == text,
        TokenTree::Punct(punct) => text.len() == 1 && text.starts_with(punct.as_char()),
        _ => false,
    })
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(tokens(group)),
        _ => None,
    }
}

fn tokens(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn identifier(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// Every identifier in there.
fn names(tokens: &[TokenTree]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for token in tokens {
        match token {
            TokenTree::Group(inner) => found.extend(names(&self::tokens(inner))),
            other => found.extend(identifier(Some(other))),
        }
    }
    found
}

/// The functions among these tokens, without those of tests.
pub(crate) fn functions(file: &str, owner: Option<&str>, tokens: &[TokenTree], found: &mut Vec<Function>) {
    let (mut doc, mut at, mut of) = (String::new(), 0, owner.map(str::to_owned));
    while at < tokens.len() {
        let next = tokens.get(at + 1);
        if is(tokens.get(at), "#") {
            doc += &next.map(ToString::to_string).unwrap_or_default();
        } else if let (true, Some(name)) = (is(tokens.get(at), "fn"), identifier(next)) {
            let end = at + tokens[at..].iter().position(ends_item).unwrap();
            let is_async = at > 0 && is(tokens.get(at - 1), "async");
            let mut calls = Vec::new();
            let body = group(tokens.get(end), Delimiter::Brace).unwrap_or_default();
            let run_by = if is_async { RunBy::Task } else { RunBy::Thread };
            find_calls(&body, run_by, &given_away(&body), &mut calls);
            found.push(Function { file: file.into(), owner: of.clone(), name, is_async, doc, calls });
            (doc, at) = (String::new(), end);
        } else if is(tokens.get(at), "impl") || is(tokens.get(at), "trait") {
            of = owner_of(&tokens[at + 1..]);
        } else if tokens.get(at).is_some_and(ends_item) {
            let inner = group(tokens.get(at), Delimiter::Brace).filter(|_| !is_test(&doc));
            functions(file, of.as_deref(), &inner.unwrap_or_default(), found);
            (doc, of) = (String::new(), owner.map(str::to_owned));
        }
        at += 1;
    }
}

fn ends_item(token: &TokenTree) -> bool {
    is(Some(token), ";") || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_test(attributes: &str) -> bool {
    attributes.replace(' ', "").contains("cfg(test)")
}

/// Of `Type<T> {` or `Trait for Type<T> {`, the type.
fn owner_of(header: &[TokenTree]) -> Option<String> {
    let header = &header[..header.iter().position(ends_item)?];
    let behind_for = header.iter().position(|token| is(Some(token), "for")).map_or(0, |at| at + 1);
    header[behind_for..].iter().find_map(|token| {
        identifier(Some(token)).filter(|name| name.starts_with(char::is_uppercase) && name.len() > 1)
    })
}

/// The calls of a body, without what runs elsewhere.
fn find_calls(body: &[TokenTree], run_by: RunBy, given_away: &BTreeSet<String>, found: &mut Vec<Call>) {
    let mut at = 0;
    while at < body.len() {
        if let Some(end) = closure_given_away(&body[at..], given_away) {
            at += end;
        } else if is(body.get(at), "async") {
            let end = at + 1 + end_of_async(&body[at + 1..]);
            find_calls(&body[at + 1..end], RunBy::Task, given_away, found);
            at = end;
        } else {
            match &body[at] {
                TokenTree::Group(inner) if !runs_elsewhere(body, at) => {
                    find_calls(&tokens(inner), run_by, given_away, found);
                }
                _ => found.extend(call(body, at, run_by)),
            }
            at += 1;
        }
    }
}

/// Where the block or the closure ends that follows `async`.
fn end_of_async(rest: &[TokenTree]) -> usize {
    let mut at = usize::from(is(rest.first(), "move"));
    if is(rest.get(at), "|") {
        at += 2 + rest[at + 1..].iter().position(|token| is(Some(token), "|")).unwrap();
    }
    let ends = |token: &TokenTree| is(Some(token), ",") || ends_item(token);
    rest[at..].iter().position(ends).map_or(rest.len(), |end| at + end + 1)
}

/// This group is given to somebody who runs it on a thread where blocking is allowed. Of what is spawned only closures
/// are: futures become tasks.
fn runs_elsewhere(body: &[TokenTree], at: usize) -> bool {
    let by = |name| at > 0 && is(body.get(at - 1), name);
    let is_closure = || {
        let given = group(body.get(at), Delimiter::Parenthesis).unwrap_or_default();
        is(given.first(), "|") || is(given.first(), "move")
    };
    by("spawn_blocking") || by("blocking") || by("spawn") && is_closure()
}

/// Every name in what runs elsewhere.
fn given_away(body: &[TokenTree]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, token) in body.iter().enumerate() {
        if let TokenTree::Group(inner) = token {
            let inner = tokens(inner);
            found.extend(if runs_elsewhere(body, at) { names(&inner) } else { given_away(&inner) });
        }
    }
    found
}

/// Where `let NAME = move |…| …;` ends, if what has that name runs elsewhere.
fn closure_given_away(body: &[TokenTree], given_away: &BTreeSet<String>) -> Option<usize> {
    let name = identifier(body.get(1)).filter(|_| is(body.first(), "let") && is(body.get(2), "="))?;
    let is_closure = is(body.get(3), "move") || is(body.get(3), "|");
    let end = body.iter().position(|token| is(Some(token), ";"))?;
    (is_closure && given_away.contains(&name)).then_some(end)
}

/// The call of the name at that place, unless it is awaited.
fn call(body: &[TokenTree], at: usize, run_by: RunBy) -> Option<Call> {
    let TokenTree::Ident(ident) = body.get(at)? else { return None };
    let given = group(body.get(at + 1), Delimiter::Parenthesis)?;
    if is(body.get(at + 2), ".") && is(body.get(at + 3), "await") {
        return None;
    }
    let is_method = at > 0 && is(body.get(at - 1), ".");
    let is_qualified = at > 2 && is(body.get(at - 1), ":");
    let qualifier = is_qualified.then(|| identifier(body.get(at - 3))).flatten();
    let mut near = names(&given);
    near.extend(names(&body[start_of_chain(body, at)..at]));
    let of_seam = OF_THE_SEAM.iter().any(|name| near.contains(*name));
    let (name, line, by_task) = (ident.to_string(), ident.span().start().line, run_by == RunBy::Task);
    Some(Call { name, qualifier, is_method, line, by_task, of_seam })
}

/// Where `a.b(c)?.name` begins.
fn start_of_chain(body: &[TokenTree], mut at: usize) -> usize {
    let joins = |token: &TokenTree| [".", "?", ":"].iter().any(|joint| is(Some(token), joint));
    let is_part = |token: &TokenTree| !matches!(token, TokenTree::Punct(_)) && !ends_item(token);
    while at > 0 && (joins(&body[at - 1]) || is_part(&body[at - 1]) && !is_name(&body[at], &body[at - 1])) {
        at -= 1;
    }
    at
}

/// Two words beside each other: a keyword is before the chain.
fn is_name(token: &TokenTree, before: &TokenTree) -> bool {
    matches!((token, before), (TokenTree::Ident(_), TokenTree::Ident(_) | TokenTree::Group(_)))
}
