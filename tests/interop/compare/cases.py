"""Case files: what goes in, and the processors (or the exporter, or the whole file) that it goes through.

    case  insert where it is missing, not where it is there
    on    traces, logs, metrics
      attributes:
        actions:
          - { key: new, action: insert, value: 1 }

`on` names files of inputs/ without their ending. What is indented stands in the configuration, its first level being
component ids, in the order of the pipeline. `alone` before it: in programs of its own, whose answers are
compared, too; that is for what one of the two does not survive. A line that begins with # is a comment.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ID = re.compile(r"^  ([a-z_]+)(/\w+)?:")


@dataclass
class Case:
    name: str
    place: str
    inputs: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    alone: bool = False

    def ids(self):
        """Of the components, in order."""
        return [found.group(1) + (found.group(2) or "") for found in map(ID.match, self.lines) if found]

    def signals(self):
        """The inputs of each signal."""
        by_signal = {}
        for name in self.inputs:
            by_signal.setdefault(name.split("_")[0], []).append(name)
        return by_signal

    def renamed(self, suffix):
        """(text, ids) with ids that no other case has: attributes/x becomes attributes/c7_x."""

        def rename(found):
            return f"  {found.group(1)}/{suffix}{(found.group(2) or '').replace('/', '_')}:"

        text = "\n".join(ID.sub(rename, line) for line in self.lines)
        return text, [found.strip().rstrip(":") for found in re.findall(r"^  [a-z_]+/\w+:", text, re.M)]


def read(path):
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        word, _, rest = line.partition(" ")
        if word == "case":
            found.append(Case(rest.strip(), f"{path.name}:{number}"))
        elif word == "on":
            found[-1].inputs = [name.strip() for name in rest.split(",")]
        elif line == "alone":
            found[-1].alone = True
        elif line.startswith("  ") and found:
            found[-1].lines.append(line)
        else:
            raise ValueError(f"{path.name}:{number}: neither case, on, alone nor indented: {line!r}")
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{path.name}: two cases are called {twice.pop()!r}")
    return found


def read_all(pattern):
    return [case for path in sorted((HERE / "cases").glob(pattern)) for case in read(path)]
