"""From arguments to a run: documents, settings, regimes and the selection."""

from __future__ import annotations

import fnmatch
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from inspector.cli import log, terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.judged import read_side
from inspector.cli.language import translated
from inspector.declare import authorisation, declaration, inspection_record, settings, statement
from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Declaration, SourceLocation, SourceMap, System
from inspector.declare.document import split
from inspector.declare.document.source_map import Locations
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement
from inspector.fleet.gc_tuning import reduced_gc
from inspector.model.base import now
from inspector.model.errors import InputFileError, UsageError
from inspector.model.escaping import storable
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import Uri, parse_uri
from inspector.pipeline.context import InputDocuments, RunContext, check_approvals, request_for
from inspector.pipeline.reinspection import failures_in, failures_of
from inspector.pipeline.request import InspectionRequest, ReportOptions
from inspector.pipeline.trust import load_trust
from inspector.record.plan import AskedFinding, Selection
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, day_of
from inspector.registry.lock import is_decided, registry_under
from inspector.registry.registry import Registry
from inspector.tables.store import tables_at_hand


def instant(text: str | None) -> datetime:
    """The instant of ``--as-of`` (a day begins at midnight, UTC), or now. Raises UsageError."""
    if text is None:
        return now()
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        raise UsageError(
            FormattedMessage("--as-of {text} is no date", text=repr(text)), remedy="write YYYY-MM-DD"
        ) from None


def check_choice(option: str, value: str, known: Sequence[str]) -> None:
    """Raise UsageError where an option has none of its values."""
    if value not in known:
        raise UsageError(
            FormattedMessage("{option} {value} is not known", option=option, value=repr(value)),
            remedy=FormattedMessage("write one of {known}", known=", ".join(known)),
        )


def parse_dimensions(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """The dimensions of ``--by``, in the order of those that are known. Raises UsageError."""
    names = [each.strip() for each in text.split(",") if each.strip()]
    for name in names:
        if name not in known:
            raise UsageError(
                FormattedMessage("--by {name}: there is no such dimension", name=repr(name)),
                remedy=FormattedMessage("write some of {known}", known=",".join(known)),
            )
    return tuple(each for each in known if each in names)


#: The settings of the current folder.
FOLDER_FILE = Path("inspector.toml")


def settings_file() -> Path | None:
    """The user's own settings, if there are any."""
    return settings.user_file() if settings.user_file().exists() else None


def read_settings(path: Path | None, output: Path | None = None, database: str | None = None) -> Settings:
    """Settings from the named file, or else from the user's and the current folder's; then environment and flags."""
    loaded = settings.load(
        path or settings_file(),
        os.environ,
        {"output": output, "database": database},
        of_folder=FOLDER_FILE if path is None and FOLDER_FILE.exists() else None,
    )
    log.configure(loaded.logging.level, loaded.logging.format)
    return loaded


def read_statements(
    statements: Iterable[Path],
    decisions: Iterable[Path],
    own: Settings,
    registry: Registry,
    systems: Collection[str] | None = None,
    regimes: Iterable[Regime] = (),
) -> tuple[Statement, ...]:
    """The statements in these documents; only one in ``decisions``, the inspecting side's own, can be accepted.

    A decision that does not count is read as claimed, with a warning. Each statement is about one of ``systems``, where
    these are known, and about a requirement of the ``regimes``.
    """
    requirements = {row.id for each in regimes for row in each.requirements}
    found: list[Statement] = []
    given = [*((path, ()) for path in statements), *((path, own.inspectors) for path in decisions)]
    for path, inspecting in given:
        loaded, warnings = statement.load(
            path, inspecting=inspecting, systems=systems, schemes=registry.schemes, requirements=requirements
        )
        found.extend(loaded)
        for warning in warnings:
            terminal.print_note(f"inspector: {warning.text(translated)}")
    return tuple(found)


def _uris(arguments: RunArguments, registry: Registry) -> list[Uri]:
    try:
        return [parse_uri(text, registry.schemes) for text in arguments.targets]
    except ValueError as error:
        raise UsageError(
            FormattedMessage.joined("; ", split(error.args[0])),
            remedy="give a declaration.yaml, or endpoint URIs such as https://host/ with --level",
        ) from None


#: What ``authorisation.read`` gives for each file.
ReadAuthorisations = Sequence[tuple[tuple[Authorisation, ...], SourceMap]]


def _blocks(texts: Iterable[str]) -> tuple[str, ...]:
    """The address blocks of ``--address``. Raises UsageError."""
    try:
        return tuple(map(authorisation.parse_block, texts))
    except ValueError as error:
        what, remedy = split(error.args[0])
        raise UsageError(
            FormattedMessage("the value of --address is wrong: {what}", what=what), remedy=remedy
        ) from None


def _no_place_for_addresses() -> UsageError:
    return UsageError(
        "the addresses are written in the authorisation", remedy="leave --address out, and list them under blocks"
    )


def read_documents(arguments: RunArguments, read: ReadAuthorisations, registry: Registry) -> InputDocuments:
    """The documents that the targets name, or made for endpoints without any. Raises UsageError or InputFileError."""
    if not arguments.targets:
        raise UsageError("nothing to inspect", remedy="give a declaration.yaml, or endpoint URIs such as https://host/")
    given = authorisation.each_once(read)
    files = [
        text
        for text in arguments.targets
        if (Path(text).is_file() or text.endswith((".yaml", ".yml", ".jsonl"))) and not text.endswith(_TABLES)
    ]
    if not files:
        if neither := [text for text in arguments.targets if ":" not in text]:
            raise UsageError(
                FormattedMessage("{text} is neither a declaration nor an endpoint", text=repr(neither[0])),
                remedy=_instead_of(neither[0], registry),
            )
        if arguments.level is None:
            raise UsageError("endpoints without a declaration need a level", remedy="add --level 1 to 5")
        author = arguments.authorised_by or (given[0].granted_by if given else None)
        if author and storable(author) != author:
            raise UsageError(
                FormattedMessage("{text} contains what is no Unicode", text=repr(author)),
                remedy="correct the option or variable that it comes from",
            )
        if given and arguments.addresses:
            raise _no_place_for_addresses()
        made, granted = declaration.ad_hoc(
            _uris(arguments, registry), arguments.level, author, blocks=_blocks(arguments.addresses)
        )
        return InputDocuments(made, given or (granted,), source_map=_merged(source_map for _, source_map in read))
    if len(files) != 1 or len(arguments.targets) != 1:
        raise UsageError(
            "give one declaration, or endpoint URIs, not both", remedy="start one run for each declaration"
        )
    if arguments.level is not None:
        raise UsageError("the level is written in the declaration", remedy="leave --level out")
    if arguments.addresses:
        raise _no_place_for_addresses()
    declared, declared_at = declaration.load(Path(files[0]), registry.schemes)
    if declared.authorisation is not None:
        given = authorisation.each_once([*read, ((declared.authorisation,), declared_at)])
    if not given:
        raise UsageError(
            FormattedMessage("{file}: no authorisation permits this inspection", file=files[0]),
            remedy="give --authorisation authorisation.yaml, or write one of kind own-estate into the declaration",
        )
    return InputDocuments(declared, given, source_map=_merged([declared_at, *(source_map for _, source_map in read)]))


#: How the names of tables end, which people have of their systems and which are no declaration.
_TABLES = (".csv", ".xlsx", ".xls", ".ods")
#: A scheme whose colon was forgotten, and a name that stands where an endpoint is wanted.
_NO_COLON = re.compile(r"([A-Za-z][\w+-]*)/{1,2}(?=[^/])")
_BARE_NAME = re.compile(r"(?:[\w-]+\.)+[A-Za-z][\w-]*/?")


def _instead_of(text: str, registry: Registry) -> str:
    """What to write instead of what is neither a declaration nor an endpoint."""
    if text.endswith(_TABLES):
        return "tables become declarations with 'inspector inventory import' and 'inspector inventory export'"
    begin = _NO_COLON.match(text)
    if begin and begin[1].lower() in registry.schemes:
        return FormattedMessage("did you mean {word}?", word=f"{begin[1].lower()}://{text[begin.end() :]}")
    if _BARE_NAME.fullmatch(text) and not Path(text).exists() and not text.endswith(_OTHER_FILES):
        return FormattedMessage("did you mean {word}?", word=f"https://{text.rstrip('/')}/")
    return "give a file that ends in .yaml, .yml or .jsonl, or endpoint URIs such as https://host/"


#: Ends of files that are taken for a declaration.
_OTHER_FILES = (*_TABLES, ".json", ".txt", ".toml", ".docx", ".pdf", ".html", ".xml", ".pem")


def _merged(source_map: Iterable[SourceMap]) -> SourceMap:
    """The locations of several files."""
    known: dict[tuple[str, ...], SourceLocation] = {}
    systems: dict[str, Callable[[], Locations]] = {}
    for each in source_map:
        known |= each.known
        systems |= each.systems
    return SourceMap(known, systems)


def systems_of(declared: Declaration, wanted: tuple[str, ...]) -> tuple[System, ...]:
    """The systems to inspect, by ids or patterns. Raises UsageError for one that no declared system has."""
    ids = [each.id for each in declared.systems]
    chosen: set[str] = set()
    for pattern in wanted:
        found = fnmatch.filter(ids, pattern) if _WILDCARDS & set(pattern) else [each for each in ids if each == pattern]
        if not found:
            raise UsageError(
                FormattedMessage("--system {name}: not declared", name=pattern),
                remedy=FormattedMessage("write one of {known}", known=_named(ids)),
            )
        chosen.update(found)
    return tuple(each for each in declared.systems if not wanted or each.id in chosen)


def chosen_systems(declared: Declaration, arguments: RunArguments) -> tuple[System, ...]:
    """The systems to inspect; with ``--failed-in`` those of them in which something failed. Raises InspectorError."""
    systems = systems_of(declared, arguments.systems)
    if arguments.failed_in is None:
        return systems
    failed = _failures_in(arguments.failed_in)
    chosen = tuple(each for each in systems if failed.get(each.id))
    if not chosen:
        raise UsageError(
            FormattedMessage("--failed-in {path}: no chosen system failed there", path=arguments.failed_in),
            remedy="inspect them as a whole, without --failed-in",
        )
    return chosen


@lru_cache(maxsize=1)
def _failures_in(path: Path) -> dict[str, tuple[AskedFinding, ...]]:
    """What failed in each system of an inspection, a run or a file of findings."""
    return {
        each.system: failures_of(each.findings())
        if each.bundle is None
        else failures_in(each.bundle, each.newest().assessment)
        for each in read_side(path)
    }


#: What makes a word a pattern, and how many ids an error names.
_WILDCARDS = frozenset("*?[")
_NAMED = 20


def _named(ids: Sequence[str]) -> str:
    """Some of the ids."""
    return ", ".join([*sorted(ids)[:_NAMED], *(["…"] if len(ids) > _NAMED else [])])


@reduced_gc()
def load_context(arguments: RunArguments) -> RunContext:
    """Load settings, plugins, documents and regimes. Raises UsageError or InputFileError.

    Under an inspection decision only pinned plugins are loaded, and only they may add rows that bind.
    """
    own = read_settings(arguments.settings, arguments.output)
    load_trust(own)  # a root that cannot be read is told before anything is asked
    read = [authorisation.read(path) for path in arguments.authorisations]
    granted = [each for found, _ in read for each in found]  # a declaration holds no decision
    registry = registry_under(granted, own.plugins_lock)
    documents = read_documents(arguments, read, registry)
    if diagnostics := authorisation.check_authorisations(documents.authorisations, now(), documents.source_map):
        raise InputFileError(diagnostics)
    folders = [folder.name for folder in registry.profiles] if is_decided(granted) else []
    regimes = load_all(registry.profiles, pinned=folders)
    check_approvals(documents, regimes, day_of(now()))
    declared = {each.id for each in documents.declaration.systems}
    statements = read_statements(arguments.statements, arguments.decisions, own, registry, declared, regimes)
    return RunContext(
        registry=registry,
        settings=own,
        regimes=regimes,
        documents=InputDocuments(
            documents.declaration, documents.authorisations, statements=statements, source_map=documents.source_map
        ),
        tables=tables_at_hand(registry, own),
    )


def new_run() -> str:
    """An id for a run: the present instant and a random part."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def request_of(
    system: System,
    arguments: RunArguments,
    context: RunContext,
    *,
    run: str,
    as_of: datetime,
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
) -> InspectionRequest:
    """The request for one of the declared systems. Raises UsageError when no regime holds for it."""
    return request_for(
        system,
        context,
        run=run,
        as_of=as_of,
        regime=arguments.regime,
        selection=Selection(
            only=arguments.only,
            tags=arguments.select,
            within_seconds=arguments.within,
            all_ports=arguments.all_ports,
            findings=() if arguments.failed_in is None else _failures_in(arguments.failed_in)[system.id],
        ),
        reports=reports,
    )


def read_report_options(
    arguments: RunArguments, formats: Sequence[str], systems: Collection[str] | None = None
) -> ReportOptions:
    """How assessments are reported; the record of the inspection may name only ``systems``. Raises InputFileError."""
    record = None
    if arguments.inspection is not None:
        record = inspection_record.load(arguments.inspection, systems=systems)
    return ReportOptions(formats=tuple(formats), record=record, keep_reports=arguments.keep_reports)
