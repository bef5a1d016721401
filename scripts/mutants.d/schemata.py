"""Puts many defects into one source file, each asleep until the environment chooses it.

A function that holds some gets its body once for each and once as it is:

    fn f() { if crate::seeded::is(7) { wrong } else if crate::seeded::is(9) { wrong } else { right } }

A private constant gets a twin with the wrong value, and functions choose between the two where they use it. Anything
else (a type, an attribute, a public constant, another language) needs a build of its own, and so does what the
compiler does not take in this form: it decides.
"""

import re
from dataclasses import dataclass, field

import rust

VARIABLE = "SEEDED_DEFECT"

# Goes into the root of each crate. Reads the environment once.
SWITCH = """
#[allow(dead_code, unreachable_pub)]
mod seeded {
    static CHOSEN: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
        std::env::var("%s").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
    });

    pub(crate) fn is(number: u32) -> bool {
        *CHOSEN == number
    }
}
""" % VARIABLE


@dataclass(frozen=True)
class Region:
    """Lines of the written file that stand there for some defects."""

    first: int
    last: int
    numbers: tuple


@dataclass
class Written:
    """A file with its defects, and where each went."""

    text: str = ""
    wrong: list = field(default_factory=list)
    around: list = field(default_factory=list)
    homeless: list = field(default_factory=list)
    loosened: list = field(default_factory=list)

    def emit(self, text):
        self.text += text

    def emit_region(self, text, numbers, regions):
        first = self.text.count("\n") + 1
        self.emit(text)
        regions.append(Region(first, self.text.count("\n") + 1, tuple(numbers)))

    def blame(self, lines):
        """Whose fault an error in these lines is: the narrowest answer there is."""
        for regions in (self.wrong, self.uses(), self.around):
            numbers = {n for r in regions if any(r.first <= line <= r.last for line in lines) for n in r.numbers}
            if numbers:
                return numbers
        return set()

    def uses(self):
        """Lines that choose between a constant and its twins."""
        for number, line in enumerate(self.text.splitlines(), 1):
            twins = re.findall(r"[A-Z]__(\d+) \}", line)
            if twins:
                yield Region(number, number, tuple(map(int, twins)))


class File:
    """A Rust source and what may be switched in it."""

    def __init__(self, text):
        self.text = text
        self.tokens = rust.tokens(text)
        self.bodies = rust.bodies(self.tokens)
        outside = [c for c in rust.constants(self.tokens) if not any(body.holds(c) for body in self.bodies)]
        self.constants = [c for c in outside if not c.public]
        self.twins, self.loose = {}, set()

    def write(self, edits):
        """`edits`: the number of a defect and what it changes."""
        written = Written()
        groups, values = {}, {}
        for number, edit in edits.items():
            body, constant = self.body_of(edit), self.constant_of(edit)
            if body:
                groups.setdefault(body, {})[number] = edit
            elif constant:
                values.setdefault(constant, {})[number] = edit
            else:
                written.homeless.append(number)
        groups = merged(groups)
        self.twins = {constant.name: list(found) for constant, found in values.items()}
        written.loosened = [number for body, found in groups.items() if body.const for number in found]
        self.loose = {body.const for body in self.bodies if body.const and written.loosened}
        at = 0
        for place in sorted([*groups, *values], key=lambda place: place.start):
            if place in groups:
                written.emit(self.piece(at, place.start))
                self.write_body(written, place, groups[place])
            else:
                written.emit(self.piece(at, place.end))
                self.write_twins(written, place, values[place])
            at = place.end
        written.emit(self.piece(at, len(self.text)))
        return written

    def write_body(self, written, body, edits):
        """The body as it is comes last, below every wrong one."""
        written.emit("\n")
        for number, edit in edits.items():
            written.emit(f"if crate::seeded::is({number}) {{\n")
            wrong = self.piece(body.start, edit.start) + edit.instead + self.piece(edit.end, body.end)
            written.emit_region(wrong, [number], written.wrong)
            written.emit("\n} else ")
        written.emit("{\n")
        written.emit_region(self.piece(body.start, body.end), edits, written.around)
        written.emit("\n}\n")

    def write_twins(self, written, constant, edits):
        for number, edit in edits.items():
            value = self.text[constant.name_end : edit.start] + edit.instead + self.text[edit.end : constant.end]
            twin = f"const {constant.name}__{number}{value}"
            written.emit("\n#[allow(dead_code)]\n")
            written.emit_region(twin, [number], written.wrong)

    def body_of(self, edit):
        holding = [body for body in self.bodies if edit.within(body.start, body.end)]
        return min(holding, key=lambda body: body.end - body.start, default=None)

    def constant_of(self, edit):
        return next((c for c in self.constants if edit.within(c.name_end, c.end)), None)

    def piece(self, start, end):
        """The text from here to there, with a choice wherever a function uses a constant that has twins. What asks
        the environment is not `const`, nor is what calls it: nearly always nobody needs it to be."""
        result = ""
        for token in self.tokens:
            if start <= token.start and token.end <= end and (token in self.loose or self.is_use(token)):
                result += self.text[start : token.start] + ("" if token in self.loose else self.choice(token.text))
                start = token.end
        return result + self.text[start:end]

    def is_use(self, token):
        return token.text in self.twins and any(body.holds(token) for body in self.bodies)

    def choice(self, name):
        wrong = "".join(f"if crate::seeded::is({n}) {{ {name}__{n} }} else " for n in self.twins[name])
        return f"({wrong}{{ {name} }})"


def merged(groups):
    """A function inside of another that has defects too is written with the outer one."""
    outer = {body: max((b for b in groups if b.holds(body)), key=lambda b: b.end - b.start) for body in groups}
    result = {}
    for body, edits in groups.items():
        result.setdefault(outer[body], {}).update(edits)
    return result
