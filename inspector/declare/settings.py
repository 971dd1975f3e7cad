"""The settings of the inspecting side: vantage, trusted keys and roots, output folder.

They never say what is required of a system.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_origin

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from inspector.declare import document as documents
from inspector.declare.document import YamlDocument
from inspector.declare.document.diagnostics import explain, follow
from inspector.model.base import Model
from inspector.model.domain_name import a_labels
from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.formatted import FormattedMessage
from inspector.model.log_format import LogFormat, LogLevel


class VantageKind(StrEnum):
    """Where the inspecting machine is, seen from the target; unknown until somebody says it."""

    UNKNOWN = "unknown"
    INTERNET = "internet"
    PARTNER = "partner"
    INSIDE = "inside"
    CI = "ci"


class Vantage(Model):
    """The place from which an inspection scans."""

    name: str = "unnamed"
    kind: VantageKind = VantageKind.UNKNOWN


class Ceilings(Model):
    """Limits of this machine over all targets.

    Systems inspected at the same time, open connections, concurrent scans of each of these systems, bytes kept of one
    answer, seconds of one scan, seconds of the one pause that an address gets which stops answering, addresses
    inspected of one name in each family.
    """

    systems: int = Field(default=60, ge=1)
    connections: int = Field(default=400, ge=1)
    scans: int = Field(default=50, ge=1)
    answer_bytes: int = Field(default=2_000_000, ge=1024)
    scan_seconds: int = Field(default=600, ge=1)
    pause_seconds: int = Field(default=60, ge=0)
    addresses: int = Field(default=16, ge=1)


class SweepMethod(StrEnum):
    """How a sweep asks for the state of a port."""

    CONNECT = "connect"
    SYN = "syn"


class Logging(Model):
    """Which log lines are written to stderr, and in which form."""

    level: LogLevel = LogLevel.WARNING
    format: LogFormat = LogFormat.TEXT


def _resolver(text: str) -> str:
    parts = re.fullmatch(r"\[(?P<six>[^\]]+)\](?::(?P<port6>\d{1,5}))?|(?P<four>[0-9.]+)(?::(?P<port4>\d{1,5}))?", text)
    address = (parts["six"] or parts["four"]) if parts else text
    port = int((parts["port6"] or parts["port4"] or 53) if parts else 53)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        port = 0
    if port not in range(1, 65536):
        raise ValueError(
            FormattedMessage(
                "{text} is not a resolver; write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353", text=repr(text)
            )
        )
    return text


#: Stands for the root servers that IANA lists.
IANA = "iana"


def _root_server(text: str) -> str:
    try:
        return text if text == IANA else _resolver(text)
    except ValueError:
        message = FormattedMessage("{text} is not a root server; write iana alone, or 198.41.0.4", text=repr(text))
        raise ValueError(message) from None


def _root_servers(servers: tuple[str, ...]) -> tuple[str, ...]:
    if IANA in servers and len(servers) > 1:
        raise ValueError(FormattedMessage("{text} stands for all root servers; write it alone", text=repr(IANA)))
    return servers


def _path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError(FormattedMessage("{path} contains a null character; remove it", path=repr(str(path))))
    return path


def is_database_url(text: str) -> bool:
    """Whether a text is a URL of a PostgreSQL database, not the path of a file that has it."""
    return text.startswith(("postgresql://", "postgres://"))


def _database(text: SecretStr) -> SecretStr:
    """The message does not repeat what was written: it may have a password."""
    value = text.get_secret_value()
    if not value or "\0" in value or ("://" in value and not is_database_url(value)):
        raise ValueError("this is no PostgreSQL database; write postgresql://…, or the path of a file with that line")
    return text


FilePath = Annotated[Path, AfterValidator(_path)]
Database = Annotated[SecretStr, AfterValidator(_database)]
Resolver = Annotated[str, AfterValidator(_resolver)]
RootServers = Annotated[tuple[Annotated[str, AfterValidator(_root_server)], ...], AfterValidator(_root_servers)]
KeyId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="a key id: 64 lower-case hexadecimal digits, as verify prints it")
]


def _anchor(line: str) -> str:
    """The line with the zone's name in A-labels."""
    name, space, rest = line.partition(" ") if " " in line else line.partition("\t")
    return line if name.isascii() else f"{a_labels(name)}.{space}{rest}"


Anchor = Annotated[
    str,
    AfterValidator(_anchor),
    Field(
        pattern=r"^\S+\s+(\d+\s+)?(IN\s+)?(DS|DNSKEY)\s+\d+\s+\d+\s+\d+\s+\S.*$",
        description='a DS or DNSKEY line, as ". IN DS 20326 8 2 E06D…"',
    ),
]
Name = Annotated[str, Field(min_length=1)]


def user_folder() -> Path:
    """The folder of the user's own files: ``inspector`` in the user's configuration folder (XDG)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "inspector"


def data_folder() -> Path:
    """The folder of what is imported: ``inspector`` in the user's data folder (XDG)."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "inspector"


def user_file() -> Path:
    """The user's own settings."""
    return user_folder() / "inspector.toml"


#: What an ``inspector.toml`` in the current folder may set: how this folder's results are named and written. All else
#: (whom to trust, which programs run, where names are resolved, whose decisions count) comes from the user: from the
#: user's own file, from a file that is named with ``--settings``, from the environment or from flags.
FOLDER_KEYS = frozenset({"contact", "vantage", "output", "logging"})


class Settings(Model):
    """Settings, from ``inspector.toml``, ``INSPECTOR_*`` and flags, in rising order of precedence.

    ``resolvers``: ``address`` or ``address:port`` (empty: the machine's own). ``resolver_questions_per_second``: the
    rate of each of them, for all that this user runs on the machine; raise it for a resolver of your own only.
    ``root_servers``: names are resolved from these down, without resolvers, ``iana`` for those that IANA lists.
    ``trust_roots``: PEM files or folders of
    declared roots. ``public_roots``: PEM file of the browser store (None: certifi's). ``dnssec_anchors``: DS or DNSKEY
    lines (empty: the built-in anchors of the root zone). ``signing_key``: PEM, created on first use, mode 0600.
    ``trusted_signers``: public key ids (hexadecimal). ``inspectors``: names of the persons whose decisions about
    statements count. ``plugins_lock``: the plugins that may run under an inspection decision (default: in the user's
    configuration folder). ``rate_state``: the folder of the rate limits that all processes of this user share, on a
    local disk (None: ``inspector/rates`` in the user's state folder). ``database``: the PostgreSQL database that
    several machines share, for campaigns and rate limits: a URL, or the path of a file with it; it is recorded nowhere.
    ``nmap_search_path``: programs to try, () for no nmap. ``sweep_method``: ``syn`` leaves the handshake of a port
    question unfinished (nmap's ``-sS``), where the authorisation grants intrusive questions and the process may send
    such packets; elsewhere a sweep connects.
    """

    vantage: Vantage = Vantage()
    contact: str = ""
    resolvers: tuple[Resolver, ...] = ()
    resolver_questions_per_second: int = Field(default=100, ge=1, le=5000)
    root_servers: RootServers = ()
    trust_roots: tuple[FilePath, ...] = ()
    public_roots: FilePath | None = None
    dnssec_anchors: tuple[Anchor, ...] = ()
    signing_key: FilePath | None = None
    trusted_signers: tuple[KeyId, ...] = ()
    inspectors: tuple[Name, ...] = ()
    plugins_lock: FilePath = Field(default_factory=lambda: user_folder() / "plugins.lock")
    output: FilePath = Path("out")
    rate_state: FilePath | None = None
    database: Database | None = Field(default=None, exclude=True)
    nmap_search_path: tuple[str, ...] = ("nmap", "/usr/bin/nmap", "/usr/local/bin/nmap", "/opt/homebrew/bin/nmap")
    sweep_method: SweepMethod = SweepMethod.CONNECT
    ceilings: Ceilings = Ceilings()
    logging: Logging = Logging()


# --- The file, the environment, the flags ---------------------------------------------------------------------------

#: The prefix of environment variables; ``__`` separates a table from its key.
PREFIX = "INSPECTOR_"
#: Variables with that prefix that are no settings: the language of the command line.
_OTHER = frozenset({"INSPECTOR_LANG"})
_PATHS = ("trust_roots", "public_roots", "signing_key", "plugins_lock", "output", "rate_state", "database")


def load(
    path: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, object],
    *,
    of_folder: Path | None = None,
) -> Settings:
    """The settings of a file, overridden by ``INSPECTOR_*`` variables, overridden by flags.

    ``path`` None: no file. ``of_folder`` is the file of the current folder, which comes after ``path`` and may set
    ``FOLDER_KEYS`` only. Paths in the file are relative to its folder. Lists in variables are separated by commas;
    an empty list variable is the empty list, any other empty variable counts as not set. ``overrides`` maps names
    (``output``, ``vantage.name``) to values; None is a flag not given. Raises InputFileError with every diagnostic of
    all three sources.
    """
    diagnostics: list[Diagnostic] = []
    values = {} if path is None else _read_file(path, diagnostics)
    if of_folder is not None:
        _merge(values, _read_file(of_folder, diagnostics, FOLDER_KEYS))
    for source, name, value in [*_variables(environment), *_flags(overrides)]:
        diagnostics.extend(_diagnostics(source, _nested(name, value)))
        _merge(values, _nested(name, value))
    if diagnostics:
        raise InputFileError(diagnostics)
    return Settings.model_validate(values)


def _read_file(
    path: Path, diagnostics: list[Diagnostic], permitted: Collection[str] = tuple(Settings.model_fields)
) -> dict[str, Any]:
    document = _read_toml(path)
    document.take(Settings)
    for name in sorted(document.data.keys() & (Settings.model_fields.keys() - set(permitted))):
        document.diagnostic_of_key(
            (name,),
            FormattedMessage("{key} is not for the file of the current folder to decide", key=name),
            FormattedMessage("write it into {file}, or give this file with --settings", file=user_file()),
        )
    output = document.data.get("output")
    if "trusted_signers" not in permitted and isinstance(output, str) and not _is_below(path.parent, output):
        document.diagnostic(
            ("output",),
            FormattedMessage("output is {value}, outside the current folder", value=repr(output)),
            FormattedMessage("write it into {file}, or give --output", file=user_file()),
        )
    try:
        document.close()
    except InputFileError as error:
        diagnostics.extend(error.diagnostics)
        return {}
    data: dict[str, Any] = document.data
    for name in _PATHS:
        match data.get(name):
            case str(value) if not (name == "database" and "://" in value):
                data[name] = path.parent / Path(value).expanduser()
                if name == "database":
                    data[name] = str(data[name])
            case list(values):
                data[name] = [path.parent / Path(value).expanduser() for value in values]
    return data


def _is_below(folder: Path, path: str) -> bool:
    try:
        return (folder / path).resolve().is_relative_to(folder.resolve())
    except ValueError:  # a null character
        return False


def _read_toml(path: Path) -> YamlDocument:
    text = documents.read_text(path)
    document = YamlDocument(str(path))
    try:
        # Settings contain no dates: as text they are refused like any other wrong value.
        document.data = json.loads(json.dumps(tomllib.loads(text), default=str))
    except (ValueError, RecursionError) as error:
        what, line, column = _syntax_error(str(error), text)
        raise InputFileError(
            [
                Diagnostic(
                    str(path), line, column, FormattedMessage("not TOML: {what}", what=what), "repair the syntax here"
                )
            ]
        ) from None
    for location, line, key, value in _toml_keys(text):
        document.keys.setdefault(location, (line, key))
        document.values.setdefault(location, (line, value))
    return document


def _syntax_error(message: str, text: str) -> tuple[str, int, int]:
    """The message of tomllib's error, with line and column."""
    what, _, _ = message.partition(" (at ")
    position = re.search(r"at line (\d+), column (\d+)", message)
    if position:
        return what, int(position[1]), int(position[2])
    lines = text.split("\n")
    return what, len(lines), len(lines[-1]) + 1


def _toml_keys(text: str) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
    """Location, line, and the columns of key and value, for each key at the beginning of a line."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\s*([\w.\" '-]+?)\s*\]", line):
            table = _split_key(header[1])
            yield table, number, header.start(1) + 1, header.start(1) + 1
        elif pair := re.match(r"\s*([\w.\"'-]+)\s*=\s*", line):
            yield (*table, *_split_key(pair[1])), number, pair.start(1) + 1, pair.end() + 1


def _split_key(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \"'") for part in dotted.split("."))


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], object]]:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in _OTHER:
            continue
        name = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if get_origin(follow(Settings, name)[0]) is tuple:
            yield variable, name, [each.strip() for each in text.split(",") if each.strip()]
        elif text:
            yield variable, name, text


def _flags(overrides: Mapping[str, object]) -> Iterator[tuple[str, tuple[str, ...], object]]:
    for name, value in overrides.items():
        if value is not None:
            yield f"--{re.sub('[._]', '-', name)}", tuple(name.split(".")), value


def _nested(name: tuple[str, ...], value: object) -> dict[str, Any]:
    for step in reversed(name):
        value = {step: value}
    return value  # type: ignore[return-value]  # a name has at least one step


def _merge(base: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _diagnostics(source: str, change: dict[str, Any]) -> Iterator[Diagnostic]:
    try:
        Settings.model_validate(change)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield Diagnostic(source, 0, 0, *explain(Settings, detail["loc"], detail))
