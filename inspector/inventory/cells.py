"""Cells to values: what the cells of each field may hold, and the words for what is wrong in them."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inspector.declare.declaration import SYSTEM_ID, Host
from inspector.declare.document import split
from inspector.inventory import text as texts
from inspector.inventory.columns import vocabulary, words
from inspector.inventory.system import SystemKind
from inspector.inventory.text import Numeric, Unreadable, clean, fold, is_nothing
from inspector.model.declared import ApprovalStatus, DeclaredPort, PlanStatus, Stage
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import BadUri, Scheme, is_address, normalise_host, parse_uri

#: The most characters of a name or another text.
TEXT_CHARACTERS = 1000

Values = dict[str, Any]


class BadCell(ValueError):
    """A cell does not hold what it should: ``what``, and ``remedy``."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def text_of(cell: str) -> str:
    """The text of a cell, cleaned. Raises BadCell for control characters and for a text that is too long."""
    cleaned = clean(cell)
    if not cleaned.isprintable() and any(unicodedata.category(each) in ("Cc", "Cs", "Co", "Cn") for each in cleaned):
        raise BadCell("the cell contains a control character", "delete it, and write the text anew")
    if len(cleaned) > TEXT_CHARACTERS:
        raise BadCell(
            FormattedMessage("the text has more than {limit} characters", limit=TEXT_CHARACTERS), "shorten it"
        )
    return cleaned


def read_cell(name: str, cell: str) -> Values:
    """The values of one cell by field; nothing for a cell that says that there is none. Raises BadCell.

    What is in PLACES is taken together by ``places_of``.
    """
    if name == "inspected":
        return _inspected(text_of(cell))
    cleaned = text_of(cell)
    if name in _TEXTS:
        return {name: cleaned} if cleaned and not _is_dash(cleaned) else {}
    if is_nothing(cleaned) and name not in _TRUTHS:
        return {}
    kept = Numeric(cleaned) if isinstance(cell, Numeric) else cleaned
    found: Values = _READERS[name](name, kept)
    return found


def _is_dash(text: str) -> bool:
    return not fold(text) and not any(each.isalnum() for each in text)


def _say(text: str) -> str:
    return f"“{text[:80]}{'…' if len(text) > 80 else ''}”"


def _choice(name: str, cell: str) -> Values:
    known = words(name)
    meaning = known.get(fold(cell)) or known.get(fold(cell.strip("\"'“”‘’")))
    if meaning is None:
        raise BadCell(
            FormattedMessage("{text} is not one of the values of this column", text=_say(cell)),
            FormattedMessage("write one of {known}", known=vocabulary(name)),
        )
    return {name: _CHOICES[name](meaning)}


_CHOICES: dict[str, Callable[[str], Any]] = {
    "approval.status": ApprovalStatus,
    "plan.status": PlanStatus,
    "kind": SystemKind,
    "stage": Stage,
}


def _truth(name: str, cell: str) -> Values:
    if not cell or _is_mark_of_nothing(cell):
        return {}
    return {name: truth(cell)}


def truth(cell: str) -> bool:
    """Yes or no. Raises BadCell."""
    meaning = words("truth").get(fold(cell) or cell)
    if meaning is None:
        raise BadCell(
            FormattedMessage("{text} is neither yes nor no", text=_say(cell)), FormattedMessage("write có or không")
        )
    return meaning == "yes"


def _is_mark_of_nothing(cell: str) -> bool:
    return not fold(cell) and cell not in words("truth")


def _level(name: str, cell: str) -> Values:
    try:
        return {name: texts.level(cell)}
    except Unreadable:
        raise BadCell(
            FormattedMessage("{text} is not a security level", text=_say(cell)), "write a level from 1 to 5"
        ) from None


def _day(name: str, cell: str) -> Values:
    try:
        return {name: texts.day(cell)}
    except Unreadable:
        raise BadCell(
            FormattedMessage("{text} is no day", text=_say(cell)), "write the day first, as 14/12/2026"
        ) from None


def _last_day(name: str, cell: str) -> Values:
    try:
        return {name: texts.last_day(cell)}
    except Unreadable:
        raise BadCell(
            FormattedMessage("{text} is no day, month, quarter or year", text=_say(cell)),
            "write for example 30/06/2027, T6/2027, Quý II/2027 or 2027",
        ) from None


def _percent(name: str, cell: str) -> Values:
    try:
        return {name: texts.percent(cell)}
    except Unreadable:
        raise BadCell(
            FormattedMessage("{text} is no percentage", text=_say(cell)), "write a number from 0 to 100, as 87,5%"
        ) from None


def _decision(name: str, cell: str) -> Values:
    prefix = "approval" if name == "approval.decision" else name
    try:
        found = texts.decision(cell)
    except Unreadable:
        raise BadCell(
            FormattedMessage("{text} names neither the number nor the day of a decision", text=_say(cell)),
            "write for example: Số 12/QĐ-BTC ngày 05/03/2026 của Bộ Tài chính",
        ) from None
    given = {"number": found.number, "date": found.date, "by": found.by}
    return {f"{prefix}.{part}": value for part, value in given.items() if value is not None}


def _number(name: str, cell: str) -> Values:
    """The number of a decision; with its day where the cell has both, as under ``Số, ngày quyết định``."""
    try:
        found = texts.decision(cell)
    except Unreadable:
        found = None
    if found is None or found.number is None or found.date is None:
        return {name: cell}
    group = name.rpartition(".")[0]
    given = {name: found.number, f"{group}.date": found.date}
    return given if found.by is None else given | {f"{group}.by": found.by}


def _code(name: str, cell: str) -> Values:
    if not re.fullmatch(SYSTEM_ID, cell.replace("/", "-")) or cell.endswith("/"):
        raise BadCell(
            FormattedMessage("{text} is no code of a system", text=_say(cell)),
            "write 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return {name: cell}


def _inspected(cell: str) -> Values:
    """Form 08, column 12: before use, periodic, both; empty where there was none."""
    found = {"inspected.before_use": False, "inspected.periodic": False}
    if _is_dash(cell) or is_nothing(cell):
        return found
    rest = f" {fold(cell)} "
    known = words("inspected")
    for phrase in sorted(known, key=len, reverse=True):
        if f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", "  ")
            for each in _INSPECTED[known[phrase]]:
                found[each] = True
    if not set(rest.split()) <= {"va", "and"}:
        raise BadCell(
            FormattedMessage("{text} is not one of the values of this column", text=_say(cell)),
            FormattedMessage("write one of {known}", known=vocabulary("inspected")),
        )
    return found


_INSPECTED = {
    "before_use": ("inspected.before_use",),
    "periodic": ("inspected.periodic",),
    "both": ("inspected.before_use", "inspected.periodic"),
    "neither": (),
}


def _ignored(_name: str, _cell: str) -> Values:
    return {}


_TEXTS = ("name", "formerly", "owner", "operator", "approval.by", "regulation.by", "provider", "contact")
_TRUTHS = ("internal_only", "inspected.before_use", "inspected.periodic")


def _plain(name: str, cell: str) -> Values:
    return {name: str(cell)}


_READERS: dict[str, Callable[[str, str], Values]] = {
    "number": _ignored,
    "code": _code,
    "kind": _choice,
    "level": _level,
    "stage": _choice,
    "approval.status": _choice,
    "approval.decision": _decision,
    "approval.number": _number,
    "approval.date": _day,
    "approval.expected": _last_day,
    "regulation": _decision,
    "regulation.number": _number,
    "regulation.date": _day,
    "plan.status": _choice,
    "plan.expected": _last_day,
    "plan.progress": _percent,
    "internal_only": _truth,
    "inspected.before_use": _truth,
    "inspected.periodic": _truth,
}

# --- Where a system is reached --------------------------------------------------------------------------------------

#: The columns of the dossier's list of public addresses (Decree 331/2026 Art 22.3.d).
PLACES = ("domains", "addresses", "ports", "endpoints")
_PAGES = {443: "https", 8443: "https", 80: "http", 8080: "http"}
_PORT = re.compile(r"(?:[a-z-]+\s*[:(]?\s*)?(\d{1,5})\)?(?:\s*/\s*(tcp|udp))?", re.IGNORECASE)
_LIST = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Places:
    """Hosts and endpoints of a row; ``assumed`` are domains whose port is not given and taken as that of HTTPS."""

    hosts: tuple[Host, ...]
    endpoints: tuple[str, ...]
    assumed: tuple[str, ...] = ()


def places_of(row: Mapping[str, str], schemes: Callable[[], Mapping[str, Scheme]]) -> Places:
    """The hosts and endpoints that a row names. Raises BadCell."""
    ports = tuple(_ports(row.get("ports", "")))
    hosts: dict[str, Host] = {}
    endpoints: list[str] = []
    assumed: list[str] = []
    for item in (*_items(row.get("domains", "")), *_items(row.get("endpoints", ""))):
        if "://" in item or item.partition(":")[0] in ("host", "dns", "mail"):
            endpoints.append(_uri(item, schemes()))
            continue
        host = _host(item.partition("/")[0])
        hosts[host] = Host(name=host, ports=ports)
        endpoints += [_uri(_endpoint(host, each), schemes()) for each in ports]
        if not ports:
            assumed.append(host)
            endpoints.append(_uri(f"https://{host}/", schemes()))
    for item in _items(row.get("addresses", "")):
        if not is_address(item):
            raise BadCell(
                FormattedMessage("{text} is no IP address", text=_say(item)),
                "list each public address, without blocks and ranges",
            )
        host = _host(item)
        hosts[host] = Host(name=host, ports=ports)
        endpoints.append(_uri(f"host:{host}", schemes()))
    return Places(tuple(hosts.values()), tuple(dict.fromkeys(endpoints)), tuple(assumed))


def _items(cell: str) -> list[str]:
    return [each for each in _LIST.split(clean(cell)) if each and not _is_dash(each)] if not is_nothing(cell) else []


def _ports(cell: str) -> Iterator[DeclaredPort]:
    if is_nothing(cell):
        return
    for part in re.split(r"[,;\n]+|(?<=\d)\s+(?=\d)", clean(cell)):
        found = _PORT.fullmatch(part.strip())
        if not found or not 1 <= int(found[1]) <= 65535:
            raise BadCell(FormattedMessage("{text} is no port", text=_say(part)), "write for example 443, 53/udp")
        yield DeclaredPort(port=int(found[1]), protocol="udp" if (found[2] or "").lower() == "udp" else "tcp")


def _endpoint(host: str, port: DeclaredPort) -> str:
    named = f"[{host}]" if ":" in host else host
    scheme = _PAGES.get(port.port) if port.protocol == "tcp" else None
    return f"{scheme}://{named}:{port.port}/" if scheme else f"{port.protocol}://{named}:{port.port}"


def _host(text: str) -> str:
    try:
        return normalise_host(text)
    except BadUri as error:
        what, remedy = split(error.args[0])
        raise BadCell(what, remedy or "write a domain name, as cong.example.gov.vn") from None


def _uri(text: str, schemes: Mapping[str, Scheme]) -> str:
    try:
        return str(parse_uri(text, schemes))
    except BadUri as error:
        what, remedy = split(error.args[0])
        raise BadCell(what, remedy or "write a URI, as https://cong.example.gov.vn/") from None


def in_words(value: Any) -> str:
    """A value for a message: a day as day/month/year."""
    if isinstance(value, dt.date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, tuple):
        return ", ".join(each.name if isinstance(each, Host) else str(each) for each in value)
    return str(getattr(value, "value", value))
