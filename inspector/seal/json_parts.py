"""Storage of one model as several JSON files, which a person can read one by one."""

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
    """A model split into files: ``files`` maps a name to one field, stored as is, or to several, stored as an object.

    ``rest`` is the file of all other fields.
    """

    model: type[M]
    rest: str
    files: Mapping[str, str | tuple[str, ...]]

    def split(self, value: M) -> dict[str, bytes]:
        """The files of ``value``, in canonical JSON."""
        left = value.model_dump(mode="json")
        split: dict[str, bytes] = {}
        for name, fields in self.files.items():
            part = left.pop(fields) if isinstance(fields, str) else {field: left.pop(field) for field in fields}
            split[name] = canonical(part)
        return {self.rest: canonical(left), **split}

    def join(self, read: Callable[[str], bytes], part: str) -> M:
        """The value in ``part`` of a bundle; ``read`` gives a file's bytes. Raises BundleError naming the file."""
        rest = f"{part}/{self.rest}"
        whole: dict[str, Any] = json_object(read(rest), rest)
        file_of: dict[str, str] = {}
        for name, fields in self.files.items():
            file = f"{part}/{name}"
            found = {fields: json_value(read(file), file)} if isinstance(fields, str) else json_object(read(file), file)
            expected = {fields} if isinstance(fields, str) else set(fields)
            if expected & set(whole):
                raise BundleError(
                    FormattedMessage("{rest}: contains fields that belong into {file}", rest=rest, file=file)
                )
            if set(found) != expected:
                raise BundleError(
                    FormattedMessage(
                        "{file}: contains other fields than {expected}", file=file, expected=", ".join(sorted(expected))
                    )
                )
            whole |= found
            file_of |= dict.fromkeys(expected, file)
        return parse(self.model, canonical(whole), rest, file_of)


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
