"""Case files: ``cases/<check>.yaml`` holds lines of what was seen and what the check says of it.

``seen`` names a file in ``recorded``; ``servers``, where the check takes every name server, maps their names to files
(null: a scan without an observation). ``options`` are the check's; all else is expected of the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inspector import Cause, Check, Every, Observation, Outcome, Subject, SubjectKind, SubjectResult, Verdict
from inspector.testing import unseen_variants

GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)
TARGET = Subject(kind=SubjectKind.ZONE, uri="dns:example.vn", scheme="dns", host="example.vn")


@dataclass(frozen=True)
class Case:
    """One line of a case file."""

    folder: Path
    check: Check
    line: dict[str, Any]

    @property
    def expected(self) -> dict[str, Any]:
        """What the verdict must say."""
        return {key: value for key, value in self.line.items() if key not in {"seen", "servers", "options"}}

    @cached_property
    def files(self) -> dict[str, str | None]:
        """File names by the host that they are about."""
        return {"example.vn": self.line["seen"], **self.line.get("servers", {})}

    def facts(self) -> dict[str, Observation | None]:
        """What was seen."""
        kinds = {wire.kind.kind: wire.kind for wire in self.check.inputs if wire.kind}
        return {host: None if file is None else self._recorded(file, kinds) for host, file in self.files.items()}

    def _recorded(self, file: str, kinds: dict[str, type[Observation]]) -> Observation:
        stored = json.loads((self.folder / "recorded" / f"{file}.json").read_text())
        return kinds[stored["kind"]].model_validate_json(json.dumps(stored["facts"]))

    def evaluate(self, facts: dict[str, Observation | None]) -> Verdict:
        """What the check says of these facts."""
        target, *others = (
            SubjectResult(TARGET.model_copy(update={"host": host}), fact, None if fact else Cause.TIMEOUT)
            for host, fact in facts.items()
        )
        everys = [Every(others) for wire in self.check.inputs if wire.every]
        return self.check.evaluate([target, *everys], self.line.get("options", {}))

    def variants(self, cause: Cause) -> Iterator[dict[str, Observation | None]]:
        """The facts with one answer unseen, or one scan without an observation."""
        facts = self.facts()
        for host, fact in facts.items():
            if fact is not None:
                yield {**facts, host: None}
                yield from ({**facts, host: variant} for variant in unseen_variants(fact, cause))


def cases(folder: Path, checks: tuple[Check, ...]) -> dict[str, Case]:
    """All cases of a plugin by a readable id."""
    known = {check.id: check for check in checks}
    return {
        f"{file.stem}-{index}-{line['seen']}": Case(folder, known[file.stem], line)
        for file in sorted((folder / "cases").glob("*.yaml"))
        for index, line in enumerate(YAML(typ="safe").load(file))
    }


def write(folder: Path, name: str, facts: Observation) -> None:
    """Record one observation, readable."""
    stored = {"kind": facts.kind, "facts": facts.model_dump(mode="json")}
    text = json.dumps(stored, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "recorded" / f"{name}.json").write_text(text + "\n")
