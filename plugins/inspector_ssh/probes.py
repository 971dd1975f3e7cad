"""The probes of SSH servers: what they show to everybody, and which methods of authentication they offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from inspector import (
    Cause,
    Cost,
    Gap,
    Intrusiveness,
    Network,
    ParseContext,
    Raw,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    probe,
)
from inspector_ssh.conversation import Conversation, Depth
from inspector_ssh.key_exchange import GROUP_EXCHANGE, group_exchange_for, method_for
from inspector_ssh.observations import Algorithms, Ssh, SshLogin
from inspector_ssh.transcript import StoredConnection, StoredConnections, asked_host_keys, facts, login_facts

SSH: Final = Scheme("ssh", port=22)
_CONNECTIONS = "connections.json"
#: The most types of host keys that are asked for; OpenSSH has four.
MOST_KEY_TYPES: Final = 8
#: One connection for each type of host key, and one for group exchange.
MOST_CONNECTIONS: Final = MOST_KEY_TYPES + 1
#: Seconds for one answer; once more to connect, and three times for all of a connection.
_ANSWER_SECONDS = 10
#: Failures that belong to one connection; after any other, and after the second of these, no connection follows.
_OF_ONE_CONNECTION = frozenset({Cause.PROTOCOL_ERROR, Cause.RESET, Cause.TOOL_MISSING})


def _cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    answer_seconds = options.get("answer_seconds", _ANSWER_SECONDS)
    return Cost(connections=MOST_CONNECTIONS, seconds=MOST_CONNECTIONS * 4 * answer_seconds)


def parse(output: ScanOutput, _context: ParseContext) -> Ssh:
    """The facts in the connections of a scan; raises ScanFailure where the server did not identify itself as SSH."""
    return facts(StoredConnections.parse(output.named(_CONNECTIONS) or b"").connections)


@probe(
    "ssh",
    kind=Ssh,
    schemes={SSH},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
)
async def ssh(_target: Target, network: Network, *, answer_seconds: int = _ANSWER_SECONDS) -> ScanOutput:
    """Read the identification and the offered algorithms, and one key exchange for each type of host key.

    The first of them is on the same connection as the algorithms, and so are the server's extensions. One connection
    more requests a group where Diffie-Hellman group exchange is offered. ``answer_seconds`` bounds each answer; three
    times that, a connection.
    """
    first = Conversation(network, answer_seconds, depth=Depth.EXTENSIONS)
    connections = [await first.hold()]
    if first.algorithms is not None:
        connections += await _further(network, first.algorithms, connections[0], answer_seconds)
    return _output(connections)


def parse_login(output: ScanOutput, _context: ParseContext) -> SshLogin:
    """The answer to the request; raises ScanFailure where there was none."""
    return login_facts(StoredConnections.parse(output.named(_CONNECTIONS) or b"").connections)


def _login_cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    return Cost(connections=1, seconds=4 * options.get("answer_seconds", _ANSWER_SECONDS))


@probe(
    "ssh-login",
    kind=SshLogin,
    schemes={SSH},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=_login_cost,
    parse=parse_login,
)
async def ssh_login(_target: Target, network: Network, *, answer_seconds: int = _ANSWER_SECONDS) -> ScanOutput:
    """Ask once, for a user of a random name and without credentials, which methods of authentication there are.

    No password is sent. A server that lets the user in gets SSH_MSG_DISCONNECT as the next message.
    """
    return _output([await Conversation(network, answer_seconds, depth=Depth.LOGIN).hold()])


def _output(connections: Sequence[StoredConnection]) -> ScanOutput:
    stored = StoredConnections(connections=tuple(connections))
    return ScanOutput(
        raw=(Raw(name=_CONNECTIONS, data=stored.canonical(), media_type="application/json"),),
        gaps=tuple(_gaps(connections)),
    )


async def _further(
    network: Network, algorithms: Algorithms, first: StoredConnection, answer_seconds: int
) -> list[StoredConnection]:
    """The connections for the other host keys, and for group exchange."""
    method = method_for(algorithms)
    if method is None:
        return []
    wanted = [(method, key) for key in list(asked_host_keys(algorithms).values())[1:MOST_KEY_TYPES]]
    group_exchange = group_exchange_for(algorithms)
    if group_exchange is not None and method not in GROUP_EXCHANGE:
        wanted.append((group_exchange, ""))
    connections: list[StoredConnection] = []
    failures = [first.note] if first.note else []
    for each_method, host_key in wanted:
        if len(failures) > 1 or any(note.cause not in _OF_ONE_CONNECTION for note in failures):
            break
        made = await Conversation(network, answer_seconds, each_method, host_key).hold()
        connections.append(made)
        failures += [made.note] if made.note else []
    return connections


def _gaps(connections: Sequence[StoredConnection]) -> list[Gap]:
    gaps = []
    for each in connections:
        if each.note is not None:
            question = each.host_key or each.method or "algorithms"
            gaps.append(Gap(question=question, cause=each.note.cause, detail=each.note.detail))
        elif each.encrypted_note is not None:
            note = each.encrypted_note
            gaps.append(Gap(question="after the key exchange", cause=note.cause, detail=note.detail))
    return gaps
