"""As much of Rust's syntax as it takes to find the bodies of functions and the constants of a file."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<gap>\s+|//[^\n]*)
      | (?P<comment>/\*)
      | (?P<string>[bc]?"(?:\\.|[^"\\])*" | [bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
      | (?P<char>b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])')
      | (?P<lifetime>'\w+)
      | (?P<word>\w+)
      | (?P<mark>.)""",
    re.DOTALL | re.VERBOSE,
)
OPENING, CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Body:
    """What stands between the braces of a function; and the `const` before it, if it has one."""

    start: int
    end: int
    const: Token | None

    def holds(self, other):
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Constant:
    """From `const` to its semicolon."""

    name: str
    public: bool
    start: int
    end: int
    name_end: int


def tokens(text):
    """Without white space and comments; a string is one token."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match.lastgroup == "comment":
            at = end_of_comment(text, at)
            continue
        if match.lastgroup != "gap":
            found.append(Token(match.group(), at, match.end()))
        at = match.end()
    return found


def end_of_comment(text, at):
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def bodies(found):
    """Of every function, nested ones too."""
    result = []
    for place, token in enumerate(found[:-1]):
        if token.text == "fn" and found[place + 1].text.isidentifier():
            opening = first_outside(found, place, "{;")
            if opening is not None and found[opening].text == "{":
                closing = first_outside(found, opening + 1, "}")
                const = found[place - 1] if place and found[place - 1].text == "const" else None
                result.append(Body(found[opening].end, found[closing].start, const))
    return result


def constants(found):
    """With a name and a value; those inside of functions too."""
    result = []
    for place, token in enumerate(found[:-2]):
        name, colon = found[place + 1], found[place + 2]
        if token.text == "const" and name.text.isidentifier() and colon.text == ":":
            end = first_outside(found, place, ";")
            if end is not None:
                public = place > 0 and found[place - 1].text in ("pub", ")")
                result.append(Constant(name.text, public, token.start, found[end].end, name.end))
    return result


def first_outside(found, place, wanted):
    """The first of these marks that is in no bracket opened after `place`."""
    depth = 0
    for at in range(place, len(found)):
        text = found[at].text
        if depth == 0 and len(text) == 1 and text in wanted:
            return at
        depth += (text in OPENING) - (text in CLOSING)
    return None
