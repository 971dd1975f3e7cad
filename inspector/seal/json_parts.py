"""Storage of one model as several parts in JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from inspector.model.base import Model, Same, canonical
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.table import Table
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.record.limits import check_values
from inspector.regime.regime import Regime, Requirement
from inspector.seal.stored_findings import read_findings, write_findings
from inspector.seal.untrusted_files import failing_fast, json_object, json_value, may_be_infinite, not_valid

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Form:
    """How a field is written to its part, and read from the part's content and name, which raises BundleError."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes, str], Any]


@dataclass(frozen=True, slots=True)
class Parts(Generic[M]):
    """A model split into parts: ``files`` maps a name to one field, stored as is, or to several, stored as an object.

    ``rest`` is the part of all other fields. ``common`` has the types of parts that many bundles share, by name: they
    are parsed once, and kept for the next bundle. ``forms`` has the parts with a form of their own.
    """

    model: type[M]
    rest: str
    files: Mapping[str, str | tuple[str, ...]]
    common: Mapping[str, TypeAdapter[Any]]
    forms: Mapping[str, Form] = field(default_factory=dict)

    def split(self, value: M) -> dict[str, bytes]:
        """The parts of ``value``, in canonical JSON."""
        apart = {str(self.files[name]) for name in (*self.common, *self.forms)}
        left = value.model_dump(mode="json", exclude=apart)
        split: dict[str, bytes] = {}
        for name, parts in self.files.items():
            if name in self.forms:
                split[name] = self.forms[name].write(getattr(value, str(parts)))
            elif name in self.common:
                shared = getattr(value, str(parts))
                known = tuple(map(Same, shared)) if isinstance(shared, tuple) else Same(shared)
                split[name] = _written(known, Same(self.common[name]))
            else:
                part = left.pop(parts) if isinstance(parts, str) else {field: left.pop(field) for field in parts}
                split[name] = canonical(part)
        return {self.rest: canonical(left), **split}

    def join(self, read: Callable[[str], bytes], part: str) -> M:
        """The value in ``part`` of a bundle; ``read`` gives the content of a part. Raises BundleError naming it."""
        common = {str(self.files[name]): Same(self._common(name, read(name), f"{part}/{name}")) for name in self.common}
        own = tuple((name, read(name)) for name in (self.rest, *self.files) if name not in self.common)
        return cast("M", _joined(Same(self), part, own, tuple(common.items())))

    def read(self, part: str, own: Mapping[str, bytes], common: Mapping[str, Any]) -> M:
        """The value whose own parts have these contents. Raises BundleError."""
        rest = f"{part}/{self.rest}"
        whole: dict[str, Any] = json_object(own[self.rest], rest)
        apart = dict(common)
        file_of: dict[str, str] = {}
        for name, fields in self.files.items():
            file = f"{part}/{name}"
            expected = {fields} if isinstance(fields, str) else set(fields)
            if expected & set(whole):
                raise BundleError(
                    FormattedMessage("{rest}: contains fields that belong into {file}", rest=rest, file=file)
                )
            if name in self.common:
                continue
            if name in self.forms:
                apart[str(fields)] = self.forms[name].read(own[name], file)
                continue
            found = {fields: json_value(own[name], file)} if isinstance(fields, str) else json_object(own[name], file)
            if set(found) != expected:
                raise BundleError(
                    FormattedMessage(
                        "{file}: contains other fields than {expected}", file=file, expected=", ".join(sorted(expected))
                    )
                )
            whole |= found
            file_of |= dict.fromkeys(expected, file)
        try:
            known, *_ = _validator_without(self.model, frozenset(apart)).validate_json(canonical(whole))
        except ValidationError as error:
            raise not_valid(error, rest, file_of) from None
        joined: Any = self.model.model_construct(**known, **apart)  # all of them are valid
        return cast("M", joined)

    def _common(self, name: str, data: bytes, file: str) -> Any:
        try:
            return _parsed(Same(self.common[name]), data, file)
        except ValidationError as error:
            json_value(data, file)  # what is no JSON is called that
            raise not_valid(error, file, {}) from None


@lru_cache(maxsize=64)
def _joined(
    parts: Same[Parts[Any]], part: str, own: tuple[tuple[str, bytes], ...], common: tuple[tuple[str, Same[Any]], ...]
) -> Any:
    """The value with these contents: while a capture is sealed it is read several times."""
    return parts.value.read(part, dict(own), {name: each.value for name, each in common})


@lru_cache(maxsize=16)
def _parsed(adapter: Same[TypeAdapter[Any]], data: bytes, file: str) -> Any:
    if adapter.value is _REGIME_OR_NONE:  # without a second validator for regimes
        return None if data.strip() == b"null" else _parsed(Same(_REGIME), data, file)
    check_values(file, data)
    if may_be_infinite(data):
        json_value(data, file)  # which refuses what has no canonical form
    return _validator(adapter).validate_json(data)


@cache
def _validator(adapter: Same[TypeAdapter[Any]]) -> SchemaValidator:
    return failing_fast(adapter.value.core_schema)


@lru_cache(maxsize=16)
def _written(known: Same[Any] | tuple[Same[Any], ...], adapter: Same[TypeAdapter[Any]]) -> bytes:
    """The bytes of a value, or of a tuple, which is another object in each model, of values that are the same."""
    value = tuple(each.value for each in known) if isinstance(known, tuple) else known.value
    return canonical(adapter.value.dump_python(value, mode="json"))


@cache
def _validator_without(model: type[Model], fields: frozenset[str]) -> SchemaValidator:
    """Validates the JSON of a model without these fields, and gives the values of the others, by name, first of all.

    It is made of the model's schema, since making a model of the others takes longer than reading one.
    """
    schema: Any = model.__pydantic_core_schema__
    whole = schema["schema"] if schema["type"] == "definitions" else schema
    kept = {name: each for name, each in whole["schema"]["fields"].items() if name not in fields}
    values: Any = {**whole["schema"], "fields": kept}
    return failing_fast({**schema, "schema": values} if whole is not schema else values, whole["config"])


_TABLES = TypeAdapter(tuple[Table, ...])
_REGIME = TypeAdapter(Regime)
_REGIME_OR_NONE = TypeAdapter(Regime | None)

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
        "tables.json": "tables",
    },
    {
        "regime.json": _REGIME,
        "next-regime.json": _REGIME_OR_NONE,
        "tables.json": _TABLES,
    },
)

ASSESSMENT = Parts(
    Assessment,
    "assessment.json",
    {"requirements.json": "requirements", "findings.json": "findings", "tables.json": "tables"},
    {"requirements.json": TypeAdapter(tuple[Requirement, ...]), "tables.json": _TABLES},
    {"findings.json": Form(write_findings, read_findings)},
)

#: The parts that many bundles share, where they are large enough.
SHARED_PARTS = frozenset({*INSPECTION.common, *ASSESSMENT.common, "plugins.json"})
