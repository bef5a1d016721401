"""The files of tests/mutants: what each says, and where in a source file its text stands."""

import re
from dataclasses import dataclass
from pathlib import Path


class Unusable(Exception):
    """Nothing can be tried: the message says why."""


@dataclass(frozen=True)
class Edit:
    """The part of a text that a defect changes, and what takes its place."""

    start: int
    end: int
    instead: str

    def within(self, start, end):
        return start <= self.start and self.end <= end

    def apply(self, text):
        return text[: self.start] + self.instead + text[self.end :]


@dataclass(frozen=True)
class Test:
    """What `cargo test` is given: a package, one of its test programs, and what its names have in common."""

    package: str
    target: tuple
    names: tuple

    def __str__(self):
        return " ".join(["-p", self.package, *self.target, *self.names])


@dataclass(frozen=True)
class Defect:
    name: str
    number: int
    file: str
    test: Test
    right: str
    wrong: str
    expected: str

    def edit(self, text):
        """None unless the right text stands there exactly once. How it is broken into lines does not matter."""
        words = self.right.split()
        found = list(re.finditer(r"\s+".join(map(re.escape, words)), text)) if words else []
        if len(found) != 1:
            return None
        return smallest(found[0].start(), found[0].group(), self.wrong)


def smallest(at, right, wrong):
    """Leaves out what both begin and end with: text may be quoted only to be found."""
    first, other = common(right, wrong)
    last, end = common(right[first:][::-1], wrong[other:][::-1])
    return Edit(at + first, at + len(right) - last, wrong[other : len(wrong) - end])


def common(one, two):
    """How much of each is the same at its beginning; one space is as good as another."""
    a = b = 0
    while a < len(one) and b < len(two):
        spaces = re.match(r"\s+", one[a:]), re.match(r"\s+", two[b:])
        if all(spaces):
            a, b = a + spaces[0].end(), b + spaces[1].end()
        elif one[a] == two[b]:
            a, b = a + 1, b + 1
        else:
            break
    return a, b


def load(directory, parts):
    """In the order of their numbers; with parts of names, those that have one of them."""
    defects = [parse(path) for path in Path(directory).glob("*.mutant")]
    defects.sort(key=lambda defect: defect.number)
    numbers = [defect.number for defect in defects]
    twice = sorted({defect.name for defect in defects if numbers.count(defect.number) > 1})
    if twice:
        raise Unusable(f"a number is a defect's own: {' '.join(twice)}")
    chosen = [defect for defect in defects if not parts or any(part in defect.name for part in parts)]
    if not chosen:
        raise Unusable(f"no file of {directory} has a name like: {' '.join(parts)}")
    return chosen


def parse(path):
    head, _, rest = path.read_text().partition("--- right\n")
    right, _, wrong = rest.partition("--- wrong\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    number = re.match(r"0*[1-9][0-9]*", path.stem)
    if not (number and right.strip() and fields.get("file") and fields.get("test")):
        raise Unusable(f"{path.name} needs a number in its name, file:, test: and a right text")
    return Defect(
        name=path.stem,
        number=int(number.group()),
        file=fields["file"],
        test=parse_test(path.name, fields["test"]),
        right=right,
        wrong=wrong.removesuffix("\n"),
        expected=fields.get("expected", "caught"),
    )


def parse_test(name, text):
    words = re.fullmatch(r"-p (\S+) (--lib|--(?:test|bin) \S+)(?: --)?((?: [^\s-]\S*)*)", text)
    if not words:
        raise Unusable(f"{name}: test: has to be like -p PACKAGE --lib NAMES, with --test PROGRAM or --bin PROGRAM for --lib")
    package, target, names = words.groups()
    return Test(package, tuple(target.split()), tuple(names.split()))
