"""How one model is kept as several JSON files that a person can read one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inspector.model.base import Model, canonical
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.seal.untrusted_files import json_object, json_value, parse

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Parts(Generic[M]):
    """A model over files: ``files`` maps a name to one field, kept as it is, or to several, kept as an object.

    ``rest`` is the file of all other fields.
    """

    model: type[M]
    rest: str
    files: Mapping[str, str | tuple[str, ...]]

    def split(self, value: M) -> dict[str, bytes]:
        """The files that hold ``value``, in canonical JSON."""
        left = value.model_dump(mode="json")
        split: dict[str, bytes] = {}
        for name, fields in self.files.items():
            held = left.pop(fields) if isinstance(fields, str) else {field: left.pop(field) for field in fields}
            split[name] = canonical(held)
        return {self.rest: canonical(left), **split}

    def join(self, read: Callable[[str], bytes], part: str) -> M:
        """The value in ``part`` of a bundle; ``parse`` gives a file's bytes. Raises BundleError naming the file."""
        rest = f"{part}/{self.rest}"
        whole: dict[str, Any] = json_object(read(rest), rest)
        homes: dict[str, str] = {}
        for name, fields in self.files.items():
            file = f"{part}/{name}"
            held = {fields: json_value(read(file), file)} if isinstance(fields, str) else json_object(read(file), file)
            expected = {fields} if isinstance(fields, str) else set(fields)
            if expected & set(whole):
                raise BundleError(FormattedMessage("{rest}: holds what belongs into {file}", rest=rest, file=file))
            if set(held) != expected:
                raise BundleError(
                    FormattedMessage(
                        "{file}: holds other fields than {expected}", file=file, expected=", ".join(sorted(expected))
                    )
                )
            whole |= held
            homes |= dict.fromkeys(expected, file)
        return parse(self.model, canonical(whole), rest, homes)


INSPECTION = Parts(
    Inspection,
    "inspection.json",
    {
        "documents/declaration.json": ("organisation", "system", "endpoint_locations"),
        "documents/authorisations.json": "authorisations",
        "documents/statements.json": "statements",
        "settings.json": "settings",
        "plan.json": "plan",
        "regime.json": "regime",
        "next-regime.json": "next_regime",
        "plugins.json": "plugins",
    },
)

ASSESSMENT = Parts(Assessment, "assessment.json", {"requirements.json": "requirements", "findings.json": "findings"})
