"""Texts in the reader's language: message templates, values, dates and the closed vocabularies.

English texts are their own ids, as in gettext; each plugin has a ``locale/vi.po``, and so has the core. The members of
the closed vocabularies are slugs, so ``en.po`` translates them too, with the name of the enumeration as context. A text
without a translation appears in English, and ``missing`` records it for tests.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Protocol

from inspector.model.base import Cause, Quantity, Timestamp, Value
from inspector.model.domain_name import with_u_labels
from inspector.model.escaping import escape_control, truncate
from inspector.model.finding import Finding, Force
from inspector.model.formatted import rendered
from inspector.model.language import Language
from inspector.model.observation import Observation
from inspector.model.subject import Scheme
from inspector.model.verdict import Message, Outcome
from inspector.plugin.check import Check
from inspector.regime.regime import VIETNAM, BilingualText, Deadline, day_of
from inspector.report.po_file import CONTEXT, read_po

#: The most characters of one value that a server or a document gave, and the most members of a list.
CHARACTERS = 600
MEMBERS = 40

#: The name of a failure, by the force of its requirement. No text says that a level is met.
_FAILED = {
    Force.BINDING: "does not conform",
    Force.CLAUSE_EVIDENCE: "signs of non-conformity",
    Force.BASELINE: "improvement recommended",
    Force.INFO: "information only",
}
_OTHERWISE = {
    Outcome.PASS: "no contrary evidence observed",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.NOT_OBSERVABLE: "not observable from outside",
    Outcome.ERROR: "tool error",
}

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FACT = re.compile(r"(?P<name>[a-z_]+)(?:(?P<relation>[=≥])(?P<value>[a-z0-9-]{1,20}))?")
_ABOUT_FILE = re.compile(r"(?P<file>(\{\w+\}: )?)(?P<what>.+?)(?P<detail>(: \{\w+\})?)")


@cache
def catalogue(package: str, language: Language) -> Mapping[str, str]:
    """The translations of a package for a language; empty when it has none.

    The key of a text is the text itself; with a context it is context, U+0004 and text.
    """
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return {}
    path = files(package) / "locale" / f"{language.value}.po"
    return read_po(path.read_text(encoding="utf-8")) if path.is_file() else {}


@lru_cache(maxsize=4096)
def _grouped(number: int, language: Language) -> str:
    return f"{number:,}".replace(",", "." if language is Language.VI else ",")


@lru_cache(maxsize=4096)
def _instant(at: datetime, language: Language) -> str:
    form = "%d/%m/%Y %H:%M:%S" if language is Language.VI else "%Y-%m-%d %H:%M:%S"
    try:
        return f"{at.astimezone(VIETNAM):{form}} (UTC+07:00)"
    except OverflowError:  # certificates without an end have 9999-12-31T23:59:59Z
        return f"{at:{form}} (UTC)"


#: A day or an instant as documents and records write them.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def dated(text: str, language: Language) -> str:
    """A text with an ISO 8601 day or instant as the language writes it, e.g. ``31/12/2026``; any other unchanged.

    The text is the day or instant, or ends with a day after a colon.
    """
    try:
        if _DAY.fullmatch(text):
            return _day(date.fromisoformat(text), language)
        if ended := _UNTIL_DAY.fullmatch(text):
            return f"{ended['what']}{_day(date.fromisoformat(ended['day']), language)}"
        return _instant(datetime.fromisoformat(text), language) if _INSTANT.fullmatch(text) else text
    except ValueError:
        return text


#: What ends with a day after a colon, e.g. the product whose support ended on it.
_UNTIL_DAY = re.compile(r"(?P<what>.*: )(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})", re.DOTALL)


def _day(day: date, language: Language) -> str:
    return f"{day:%d/%m/%Y}" if language is Language.VI else day.isoformat()


def _shown(value: object, language: Language) -> object:
    """A value of an error as the language writes it."""
    if isinstance(value, BilingualText):
        return value.vi if language is Language.VI else value.en
    if isinstance(value, date):
        value = value.isoformat()
    return dated(value, language) if isinstance(value, str) else value


def translated(text: str, language: Language, package: str = "inspector") -> str:
    """A text, or one that remembers its template, in a language; in English where there is no translation."""
    if language is Language.EN:
        return str(text)
    known = catalogue(package, language)
    return rendered(
        text,
        lambda template: known.get(template) or _around_what(template, known) or _recorded(template, known),
        lambda value: _shown(value, language),
    )


def _around_what(template: str, known: Mapping[str, str]) -> str | None:
    """``{file}: what: {detail}`` with its ``what`` translated; None where that is not known."""
    parts = _ABOUT_FILE.fullmatch(template)
    found = known.get(parts["what"]) if parts else None
    return f"{parts['file']}{found}{parts['detail']}" if parts and found else None


#: What is recorded of names that do not resolve, as text: of each type of address, or of both.
_RECORDED = re.compile(
    r"(?P<type>(?:(?:A|AAAA): )?)"
    r"(?P<text>(?P<before>the name has no |the resolver answered )?(?P<value>[A-Z]+)(?P<after> record)?|.+)"
)


def _recorded(text: str, known: Mapping[str, str]) -> str:
    """Why a name does not resolve; the text itself where it is something else."""
    return "; ".join(_of_type(each, known) for each in text.split("; "))


def _of_type(text: str, known: Mapping[str, str]) -> str:
    parts = _RECORDED.fullmatch(text)
    if parts is None:
        return text
    found = known.get(parts["text"])
    if parts["before"]:
        template = f"{parts['before']}{{value}}{parts['after'] or ''}"
        found = known.get(template, template).replace("{value}", parts["value"])
    return f"{parts['type']}{found}" if found else text


class Contributions(Protocol):
    """The part of a registry that reports need."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by id."""

    @property
    def schemes(self) -> Mapping[str, Scheme]:
        """The URI schemes by name."""

    @property
    def kinds(self) -> Mapping[str, type[Observation]]:
        """The observation types by kind, e.g. ``tls/1``."""

    def package_of(self, check: str) -> str:
        """The package of a check, which has its translations."""


class Translator:
    """Translates every text of a report into one language.

    Control and format characters in values, which come from servers and documents, are escaped.
    """

    def __init__(self, registry: Contributions, language: Language) -> None:
        self.registry = registry
        self.language = language
        self.missing: set[tuple[str, str]] = set()

    def text(self, text: str, package: str = "inspector", **values: Value | Enum) -> str:
        """A text of a package (or of the core) with its placeholders filled; ``{cause}`` is a term of Cause."""
        return self.composed(
            text, package, **{name: self._placed(name, each, package) for name, each in values.items()}
        )

    def composed(self, text: str, package: str = "inspector", **texts: str) -> str:
        """A text of a package with its placeholders filled by texts that were rendered before."""
        template = self._translated(text, package)
        return _PLACEHOLDER.sub(lambda found: texts.get(found[1], found[0]), template) if texts else template

    def _placed(self, name: str, value: Value | Enum, package: str) -> str:
        if name == "cause" and isinstance(value, str) and value in set(Cause):
            return self.term(Cause(value))
        return self.value(value, package)

    def _translated(self, text: str, package: str) -> str:
        if self.language is Language.EN or not text:
            return escape_control(text)
        for source in (package, "inspector"):
            found = catalogue(source, self.language).get(text)
            if found:
                return found
        self.missing.add((package, text))
        return escape_control(text)

    def term(self, text: str | Enum, package: str = "inspector") -> str:
        """A term of a vocabulary, or the text itself when it is none (most measured values are data)."""
        own = catalogue(package, self.language)
        if not isinstance(text, Enum):
            return own.get(text) or escape_control(text, keep="")
        plain = str(text.value)
        context = type(text).__name__
        found = catalogue("inspector", self.language).get(f"{context}{CONTEXT}{plain}") or own.get(plain)
        if not found and self.language is not Language.EN:
            self.missing.add((package, f"{context}: {plain}"))
        return found or plain

    def value(self, value: Value | Enum | None, package: str = "inspector") -> str:
        """A measured value or threshold, truncated when it is very long."""
        if value is None:
            return "–"
        if isinstance(value, bool):
            return self.text("yes" if value else "no")
        if isinstance(value, int):
            return str(value)
        if isinstance(value, Quantity):
            return self._quantity(value, package)
        if isinstance(value, Timestamp):
            return self.instant(value.at)
        if isinstance(value, tuple):
            return self._list(value, package)
        return self._member(value, package)

    def _member(self, value: str | Enum, package: str) -> str:
        """A term or text, truncated; a day is written as in the language, a domain name in U-labels, too."""
        text = self._fact(value) if isinstance(value, str) else None
        return with_u_labels(truncate(text or dated(self.term(value, package), self.language), CHARACTERS))

    def _fact(self, text: str) -> str | None:
        """A declared fact (``name``, ``name=value``, ``name≥value``) in words of the language, or None."""
        known = catalogue("inspector", self.language)
        found = _FACT.fullmatch(text)
        label = known.get(f"Fact{CONTEXT}{found['name']}") if found else None
        if found is None or label is None:
            return None
        value = known.get(f"FactValue{CONTEXT}{found['value']}") or found["value"] or ""
        if value.isascii() and value.isdigit():
            value = self.number(int(value))
        return f"{label} {found['relation']} {value}" if found["relation"] else label

    def _list(self, values: tuple[str, ...], package: str) -> str:
        text = ", ".join(self._member(each, package) for each in values[:MEMBERS])
        return f"{text}, … (+{len(values) - MEMBERS})" if len(values) > MEMBERS else text or "–"

    def _quantity(self, quantity: Quantity, package: str) -> str:
        unit = catalogue("inspector", self.language).get(f"Unit{CONTEXT}{quantity.unit}")
        unit = unit or self.term(quantity.unit, package)
        if self.language is Language.EN and quantity.value != 1 and unit.isalpha():
            unit += "s"
        return f"{self.number(quantity.value)} {unit}"

    def number(self, number: int) -> str:
        """A number with its digits grouped."""
        return _grouped(number, self.language)

    def instant(self, at: datetime) -> str:
        """An instant with date, time and zone, e.g. ``21/11/2026 22:15:03 (UTC+07:00)``."""
        return _instant(at, self.language)

    def day(self, at: date) -> str:
        """A calendar day; for an instant, that of Vietnam, which counts for the rules."""
        return _day(day_of(at), self.language)

    def deadline(self, deadline: Deadline) -> str:
        """The day, the span or the interval of a deadline."""
        if deadline.on is not None:
            return self.text("by {day}", day=self.day(deadline.on))
        if deadline.yearly is not None:
            month, day = deadline.yearly.month, deadline.yearly.day
            named = f"{day:02}/{month:02}" if self.language is Language.VI else f"{day} {month_name[month]}"
            return self.text("each year by {day}", day=named)
        if deadline.unfixed:
            return self.text("no number is fixed")
        for template, amount in (
            ("within {amount}", deadline.within),
            ("at least {amount} before", deadline.before),
            ("every {amount}", deadline.every),
        ):
            if amount is not None:
                return (
                    self.text(template, amount=Quantity(value=amount.value, unit=amount.unit))
                    if amount.value
                    else (self.text("at once"))
                )
        raise AssertionError(deadline.id)

    def message(self, finding: Finding) -> str:
        """The message of a finding."""
        return self.template(finding.message, self.registry.package_of(finding.check))

    def template(self, message: Message, package: str) -> str:
        """A message of a package's check."""
        return self.text(message.id, package, **message.values)

    def outcome_label(self, outcome: Outcome, force: Force) -> str:
        """The name of an outcome; that of a failure depends on the force of the requirement."""
        return self.text(_FAILED[force] if outcome is Outcome.FAIL else _OTHERWISE[outcome])

    def verdict(self, finding: Finding) -> str:
        """The name of a finding's outcome."""
        return self.outcome_label(finding.outcome, finding.force)

    def check(self, check: str, part: str) -> str:
        """``title``, ``description`` or ``remediation`` of a check; empty when no installed plugin has it."""
        known = self.registry.checks.get(check)
        return self.text(getattr(known, part), self.registry.package_of(check)) if known else ""
