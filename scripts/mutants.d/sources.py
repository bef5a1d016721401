"""The private copy of the sources, and what is written over it."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import schemata


class Copy:
    """Of the sources as they are when it is made. Only what differs is written: cargo looks at times."""

    def __init__(self, root, work):
        self.path = work / "copy"
        self.path.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout.split("\0")
        listed = [name for name in listed if name and (root / name).is_file()]
        self.files = {name: (root / name).read_bytes() for name in listed}
        # Tests start scripts of ours.
        self.modes = {name: (root / name).stat().st_mode & 0o777 for name in listed}

    def text(self, name):
        """Of a file of the sources; None if it is not there, or no text."""
        try:
            return self.files[name].decode()
        except (KeyError, UnicodeDecodeError):
            return None

    def refresh(self, written):
        """All of it like the sources, but for what is given as text."""
        for name, content in self.files.items():
            self.put(name, written[name].encode() if name in written else content)
        for path in self.path.rglob("*"):
            if path.is_file() and str(path.relative_to(self.path)) not in self.files:
                path.unlink()

    def put(self, name, content):
        path = self.path / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        path.chmod(self.modes[name])

    def root_files(self):
        """Of every crate of the workspace."""
        packages = {Path(name).parent for name in self.files if Path(name).name == "Cargo.toml"}
        named = {str(package / "src" / file) for package in packages for file in ("lib.rs", "main.rs")}
        return named & set(self.files)

    def built_upon(self, name):
        """How many crates name the one with this file: what many build upon is best changed last."""
        manifests = [file for file in self.files if file.endswith("/Cargo.toml")]
        own = [file for file in manifests if name.startswith(file.removesuffix("Cargo.toml"))]
        package = re.search(r'^name = "(.*)"', self.text(own[0]), re.MULTILINE).group(1) if own else None
        return sum(f"\n{package}." in self.text(file) for file in manifests)


class Plan:
    """Which defects sleep in the one build, and the text of every file that has some."""

    def __init__(self, copy, defects, remembered):
        self.copy, self.remembered = copy, remembered
        self.edits = {}
        for defect in defects:
            text = copy.text(defect.file)
            edit = defect.edit(text) if text is not None else None
            if edit:
                self.edits[defect] = edit
        known = recall(remembered)
        self.alone = {d for d in self.edits if not d.file.endswith(".rs") or self.mark(d) == known.get(d.name)}
        self.written = {}
        self.write()

    def write(self):
        """Those that no file can switch are for a build of their own."""
        roots = self.copy.root_files()
        sleeping = {d: edit for d, edit in self.edits.items() if d not in self.alone}
        by_number = {d.number: d for d in sleeping}
        self.written = {}
        for name in {d.file for d in sleeping}:
            edits = {d.number: edit for d, edit in sleeping.items() if d.file == name}
            self.written[name] = schemata.File(self.copy.text(name)).write(edits)
            self.alone |= {by_number[number] for number in self.written[name].homeless}
        for name in roots:
            self.written.setdefault(name, schemata.Written(self.copy.text(name))).text += schemata.SWITCH

    def texts(self):
        return {name: written.text for name, written in self.written.items()}

    def with_alone(self, defect):
        """The text of its file with this defect in place and no other."""
        text = self.edits[defect].apply(self.copy.text(defect.file))
        return text + schemata.SWITCH if defect.file in self.copy.root_files() else text

    def take_out(self, places):
        """After errors at these places: file and lines. False when they are nobody's fault. An error outside of
        every defect may come from a function that is not `const` any more."""
        numbers = set()
        for name, lines in places:
            if name in self.written:
                numbers |= self.written[name].blame(lines)
        for named in ([name for name, _ in places], self.written):
            numbers = numbers or {n for name in named if name in self.written for n in self.written[name].loosened}
        guilty = {d for d in self.edits if d.number in numbers} - self.alone
        self.alone |= guilty
        self.write()
        return bool(guilty)

    def remember(self):
        """So that the next run does not try in vain what has not changed."""
        known = recall(self.remembered)
        known |= {d.name: self.mark(d) if d in self.alone else "" for d in self.edits}
        self.remembered.write_text(json.dumps(known, indent=1))

    def mark(self, defect):
        quoted = "\0".join([defect.right, defect.wrong, self.copy.text(defect.file)])
        return hashlib.sha256(quoted.encode()).hexdigest()


def recall(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
