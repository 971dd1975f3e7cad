"""sslyze's own questions for suites and groups, one handshake each. Imported in the worker process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nassl.ephemeral_key_info import _OPENSSL_NID_TO_SECG_ANSI_X9_62, OpenSslEcNidEnum
from sslyze.connection_helpers.tls_connection import NoCiphersAvailableBugInSSlyze
from sslyze.plugins.elliptic_curves_plugin import _test_curve  # the plugin's question for one group has no public name
from sslyze.plugins.openssl_cipher_suites._test_cipher_suite import (
    CipherSuiteAcceptedByServer,
    connect_with_cipher_suite,
)
from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuite, CipherSuitesRepository

from inspector_tls.cross_check.results import Asked, Report, Word
from inspector_tls.vulnerabilities.results import Command, ConnectionEnd, VulnerabilityJob
from inspector_tls.vulnerabilities.sslyze_client import SSLYZE, Server, tools
from inspector_tls.wire.code_points import groups_by_name, suite_named
from inspector_tls.wire.versions import TlsVersion

#: Silences of one version, in a row and in all, after which the rest of it is not asked.
_MOST_IN_A_ROW, _MOST_IN_ALL = 3, 6
#: Versions of which that becomes true after which no older one is asked.
_MOST_SILENT_VERSIONS = 3
_REGISTERED = {name.lower(): group for name, group in groups_by_name().items()}
#: The groups that its client can offer, by their registered names in lower case.
_OFFERED = {
    _OPENSSL_NID_TO_SECG_ANSI_X9_62[each].lower(): each for each in OpenSslEcNidEnum.get_supported_by_ssl_client()
}


class _Silent(Exception):
    """The server was silent too often."""


class _Silences:
    """Counts connections on which nothing came."""

    def __init__(self) -> None:
        self._in_all = 0
        self._in_a_row = 0

    def count(self, asked: Asked) -> None:
        """Take note of one question. Raises _Silent."""
        silent = asked.end in (ConnectionEnd.TIMEOUT, ConnectionEnd.REFUSED, ConnectionEnd.UNREACHABLE)
        self._in_a_row = self._in_a_row + 1 if silent else 0
        self._in_all += silent
        if self._in_a_row >= _MOST_IN_A_ROW or self._in_all >= _MOST_IN_ALL:
            raise _Silent


def enumerate_server(order: VulnerabilityJob) -> Report:
    """Ask for every suite of every version, the newest first, and for groups where there is a key to agree on."""
    asked: list[Asked] = []
    given_up: list[TlsVersion] = []
    for version in reversed(TlsVersion):
        if len(given_up) >= _MOST_SILENT_VERSIONS:
            given_up.append(version)
            continue
        silences = _Silences()
        try:
            for each in _questions(order, version, asked):
                asked.append(each)
                silences.count(each)
        except _Silent:
            given_up.append(version)
    return Report(asked=tuple(asked), given_up=tuple(given_up), tools=tools())


def _questions(order: VulnerabilityJob, version: TlsVersion, asked: Sequence[Asked]) -> Iterator[Asked]:
    for suite in sorted(CipherSuitesRepository.get_all_cipher_suites(SSLYZE[version]), key=lambda each: each.name):
        yield _ask_for_suite(order, version, suite)
    if _agrees_on_groups(asked, version):
        for name, nid in _OFFERED.items():
            group = _REGISTERED.get(name)
            if group is not None and group.oldest.age <= version.age <= group.newest.age:
                yield _ask_for_group(order, version, group.name, nid)


def _agrees_on_groups(asked: Sequence[Asked], version: TlsVersion) -> bool:
    """Whether groups can be asked for one by one: of TLS 1.3, and of TLS 1.2 with RSA certificates."""
    accepted = [suite_named(each.name) for each in asked if each.version is version and each.word is Word.ACCEPTED]
    if version is TlsVersion.TLS_1_2:
        return any(each.key_exchange == "ECDHE" and each.authentication == "RSA" for each in accepted)
    return version is TlsVersion.TLS_1_3 and bool(accepted)


def _ask_for_suite(order: VulnerabilityJob, version: TlsVersion, suite: CipherSuite) -> Asked:
    def question(server: Any) -> bool:
        return isinstance(connect_with_cipher_suite(server, SSLYZE[version], suite), CipherSuiteAcceptedByServer)

    return _ask(order, version, suite.name, question, is_group=False)


def _ask_for_group(order: VulnerabilityJob, version: TlsVersion, name: str, nid: OpenSslEcNidEnum) -> Asked:
    def question(server: Any) -> bool:
        return _test_curve(server, nid).was_accepted_by_server

    return _ask(order, version, name, question, is_group=True)


def _ask(
    order: VulnerabilityJob, version: TlsVersion, name: str, question: Callable[[Any], bool], *, is_group: bool
) -> Asked:
    """Put one question on a connection of its own; ``question`` takes what stands for sslyze's view of the server."""
    server = Server(order, version, Command.VERSION, again=False)
    word, error = Word.UNCLEAR, ""
    try:
        word = Word.ACCEPTED if question(server) else Word.REFUSED
    except NoCiphersAvailableBugInSSlyze:
        word = Word.UNABLE
    except Exception as failure:  # noqa: BLE001  (sslyze and nassl raise many; how the connection ended is kept)
        error = f"{type(failure).__name__}: {failure}"[:300]
    finally:
        server.close()
    lines = server.all_traces()
    if not lines and word is Word.UNCLEAR:
        word = Word.UNABLE
    end = lines[-1].end if lines else ConnectionEnd.OPEN
    return Asked(version=version, name=name, is_group=is_group, word=word, end=end, error=error)
