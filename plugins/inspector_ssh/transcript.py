"""The connections of one scan as they are stored, and the facts in them: pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from inspector import Answer, Cause, FailureNote, Model, ScanFailure
from inspector_ssh.key_exchange import (
    GROUP_EXCHANGE,
    group_exchange_for,
    host_key_in,
    read_group,
    reply_number,
)
from inspector_ssh.observations import Algorithms, HostKey, Login, OfferedHostKey, Ssh, SshLogin
from inspector_ssh.wire import (
    Message,
    identification,
    parse_extensions,
    parse_host_key,
    parse_kexinit,
    parse_login_failure,
)

T = TypeVar("T")

#: The algorithms that use a key of the type ssh-rsa: RFC 8332 §3, and names of SSH Communications Security.
_OF_RSA_KEYS = re.compile(r"rsa-sha2-(256|512)|ssh-rsa-sha(224|256|384|512)@ssh\.com")
#: No host key: a placeholder for key exchanges that authenticate by GSS-API (RFC 4462 §5).
_NO_KEY = "null"


class StoredConnection(Model):
    """What was received on one connection.

    ``greeting`` is everything up to the end of the identification string, masked; ``payloads`` are those of the packets
    of the key exchange and of what was read after it, in clear, in their order. ``method`` and ``host_key`` are the
    only ones that the client offered, empty where it offered none. ``note`` describes what ended the connection early,
    ``encrypted_note`` what ended it after the key exchange.
    """

    greeting: bytes = b""
    method: str = ""
    host_key: str = ""
    payloads: tuple[bytes, ...] = ()
    note: FailureNote | None = None
    encrypted_note: FailureNote | None = None

    def algorithms(self) -> Algorithms:
        """The server's algorithms; raises ScanFailure."""
        return parse_kexinit(self._payload(Message.KEXINIT))

    def host_key_seen(self) -> HostKey:
        """The host key that the server showed; raises ScanFailure."""
        key = parse_host_key(host_key_in(self._payload(reply_number(self.method))))
        if key.type != key_type(self.host_key):
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"shows a key of another type than {self.host_key} has")
        return key

    def group_bits(self) -> int:
        """The length of the modulus that the server chose; raises ScanFailure."""
        modulus, _generator = read_group(self._payload(Message.KEX_GROUP))
        return modulus.bit_length()

    def signature_algorithms(self) -> tuple[str, ...] | None:
        """The value of ``server-sig-algs``, None where the server did not send it; raises ScanFailure."""
        self._payload(Message.SERVICE_ACCEPT)
        listed = [parse_extensions(payload) for payload in self.payloads if payload[0] == Message.EXT_INFO]
        return next((each for each in listed if each is not None), None)

    def login(self) -> Login:
        """How the server answered a request without credentials; raises ScanFailure."""
        if any(payload[0] == Message.USERAUTH_SUCCESS for payload in self.payloads):
            return Login(accepted=True)
        return Login(accepted=False, methods=parse_login_failure(self._payload(Message.USERAUTH_FAILURE)))

    def _payload(self, number: int) -> bytes:
        found = next((payload for payload in self.payloads if payload[0] == number), None)
        if found is None:
            raise self.failure
        return found

    @property
    def failure(self) -> ScanFailure:
        """The cause for which nothing more is known."""
        note = self.note or self.encrypted_note or FailureNote(cause=Cause.NOT_REACHED, detail="was not asked")
        return ScanFailure(note.cause, note.detail)


class StoredConnections(Model):
    """The connections of one scan, in their order."""

    connections: tuple[StoredConnection, ...]


def key_type(algorithm: str) -> str:
    """The type of the key that a host key algorithm uses."""
    return "ssh-rsa" if _OF_RSA_KEYS.fullmatch(algorithm) else algorithm


def asked_host_keys(algorithms: Algorithms) -> dict[str, str]:
    """By type of key, the first host key algorithm that uses it; certificates of host keys are left out."""
    asked: dict[str, str] = {}
    for algorithm in algorithms.host_key:
        if algorithm != _NO_KEY and "-cert-v" not in algorithm:
            asked.setdefault(key_type(algorithm), algorithm)
    return asked


def facts(connections: Sequence[StoredConnection]) -> Ssh:
    """What the connections of a scan show; raises ScanFailure where the server did not identify itself as SSH."""
    first = connections[0] if connections else StoredConnection()
    if not first.greeting:
        raise first.failure
    protocol, software, comments = identification(first.greeting)
    algorithms = _algorithms(connections)
    return Ssh(
        protocol=protocol,
        software=software,
        comments=comments,
        algorithms=algorithms,
        host_keys=() if algorithms.seen is None else _host_keys(algorithms.seen, connections),
        group_exchange_bits=_group_bits(algorithms, connections),
        signature_algorithms=_signature_algorithms(first),
    )


def login_facts(connections: Sequence[StoredConnection]) -> SshLogin:
    """What a request without credentials showed; raises ScanFailure where the server did not answer it."""
    return SshLogin(login=Answer(seen=connections[0].login()))


def _signature_algorithms(first: StoredConnection) -> Answer[tuple[str, ...] | None]:
    answer = _answer(first.signature_algorithms)
    return Answer[tuple[str, ...] | None](seen=answer.seen, unseen=answer.unseen)


def _answer(read: Callable[[], T]) -> Answer[T]:
    try:
        return Answer(seen=read())
    except ScanFailure as failure:
        return Answer(unseen=failure.cause)


def _algorithms(connections: Sequence[StoredConnection]) -> Answer[Algorithms]:
    """The algorithms on every connection that showed them; unstable where they differ."""
    answers = [_answer(each.algorithms) for each in connections]
    seen = [each for each in answers if each.is_seen]
    if answers[0].is_seen and any(each != seen[0] for each in seen):
        return Answer(unseen=Cause.UNSTABLE)
    return Answer[Algorithms](seen=answers[0].seen, unseen=answers[0].unseen)


def _host_keys(algorithms: Algorithms, connections: Sequence[StoredConnection]) -> tuple[OfferedHostKey, ...]:
    made = {each.host_key: each for each in reversed(connections) if each.host_key}
    first = connections[0]
    not_asked = first.note.cause if first.note is not None and not first.host_key else Cause.NOT_REACHED
    keys = []
    for type_, algorithm in asked_host_keys(algorithms).items():
        connection = made.get(algorithm)
        key = Answer[HostKey](unseen=not_asked)
        if connection is not None:
            answer = _answer(connection.host_key_seen)
            key = Answer[HostKey](seen=answer.seen, unseen=answer.unseen)
        keys.append(OfferedHostKey(type=type_, algorithm=algorithm, key=key))
    return tuple(keys)


def _group_bits(algorithms: Answer[Algorithms], connections: Sequence[StoredConnection]) -> Answer[int | None]:
    if algorithms.seen is None:
        return Answer[int | None](unseen=algorithms.unseen)
    if group_exchange_for(algorithms.seen) is None:
        return Answer[int | None](seen=None)
    asked = [each for each in connections if each.method in GROUP_EXCHANGE]
    answers = [_answer(each.group_bits) for each in asked] or [Answer[int](unseen=Cause.NOT_REACHED)]
    sizes = [each.seen for each in answers if each.seen is not None]
    if sizes:
        return Answer[int | None](seen=min(sizes))
    return Answer[int | None](unseen=answers[-1].unseen)
