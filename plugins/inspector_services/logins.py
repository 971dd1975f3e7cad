"""The intrusive probe of log-ins without a name: FTP's ``anonymous``, and MQTT without credentials.

No password is guessed: FTP's is the one that RFC 1635 §2 asks of guests. Nothing is listed, read, subscribed or
published; the session is ended at once. An FTP server that refuses in clear text may want TLS first: it is asked again
inside, if it offers that (RFC 4217 §4).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inspector import (
    HOST,
    Answer,
    Cause,
    Cost,
    Gap,
    Intrusiveness,
    Model,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    permissive_tls_context,
    probe,
)
from inspector_services.observations import AnonymousLogin, AnonymousLogins, Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE
from inspector_services.probes import CONNECT_SECONDS
from inspector_services.protocols.replies_220 import codes_of

#: Limits: ports per address, bytes per answer, and seconds for each.
MAX_PORTS = 10
ANSWER_BYTES = 2048
ANSWER_SECONDS = 5.0
#: CONNECT of MQTT 3.1.1 with a clean session and an empty client identifier, and DISCONNECT (§3.1, §3.14).
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
_DISCONNECT = b"\xe0\x00"
#: CONNACK (§3.2) and its return codes: accepted, bad name or password, not authorised.
_CONNACK = re.compile(rb"\x20\x02[\x00\x01]([\x00-\x05])", re.DOTALL)
_CONNACK_BYTES = 4
_MQTT_ADMITS = {0: True, 4: False, 5: False}
#: Of FTP (RFC 959 §4.2, RFC 2228 §3): logged in; other codes of success answer something else, as a late greeting does.
_FTP_LOGGED_IN = frozenset({"230", "232"})
#: Replies to AUTH TLS after which the handshake begins (RFC 4217 §4; 334 of older servers).
_FTP_AUTH = "234"
_FTP_STARTS_TLS = frozenset({_FTP_AUTH, "334"})
#: How an FTP server refuses this client or any more clients, whoever logs in: with 530, too, as ProFTPD does.
_OF_CLIENT = re.compile(
    rb"maximum|too many|limit|busy|overload|try (?:again|later)|temporar|banned|block|denylist"
    rb"|your (?:host|ip|address)",
    re.IGNORECASE,
)
_MQTT_SERVICES = frozenset({"mqtt", "mqtt-tls"})
#: What a port at MQTT's number may be: nothing identified it, or TLS did.
_OPEN_QUESTION = frozenset({ServiceProtocol.SILENT, ServiceProtocol.TLS, ServiceProtocol.UNKNOWN})


class StoredLogin(Model):
    """The code with which a server answered the log-in: FTP's three digits, or MQTT's return code.

    ``auth``: that of FTP's AUTH TLS, where the log-in in clear text was refused, 234 where TLS comes first anyway;
    ``code_in_tls``: that of the log-in inside TLS.
    """

    port: int
    protocol: ServiceProtocol
    code: str = ""
    auth: str = ""
    code_in_tls: str = ""
    cause: Cause | None = None


class StoredLogins(Model):
    """The answers of all ports."""

    ports: tuple[StoredLogin, ...] = ()


def admits(stored: StoredLogin) -> Answer[bool]:
    """Whether a client without a name is admitted; unseen where the answer shows neither."""
    if stored.cause is not None:
        return Answer[bool](unseen=stored.cause)
    if stored.protocol is ServiceProtocol.FTP:
        admitted = _ftp_admits(stored)
    else:
        admitted = _MQTT_ADMITS.get(int(stored.code)) if stored.code else None
    return Answer[bool](unseen=Cause.AMBIGUOUS) if admitted is None else Answer[bool](seen=admitted)


def _ftp_admits(stored: StoredLogin) -> bool | None:
    """Whether guests are admitted, in clear text or inside TLS; refused are they where neither admits them."""
    if _FTP_LOGGED_IN & {stored.code, stored.code_in_tls}:
        return True
    is_refused_in_tls = stored.auth in _FTP_STARTS_TLS and stored.code_in_tls[:1] == "5"
    is_refused = stored.code[:1] == "5" and stored.auth[:1] == "5"
    return False if is_refused or is_refused_in_tls else None


def parse_logins(output: ScanOutput, context: ParseContext) -> AnonymousLogins:
    """What each port answered; raises ValueError when the answers are missing."""
    raw = output.named("logins.json")
    if raw is None:
        raise ValueError(f"the answers of {context.subject.address} are missing")
    ports = sorted(StoredLogins.parse(raw).ports, key=lambda each: each.port)
    return AnonymousLogins(
        ports=tuple(AnonymousLogin(port=each.port, protocol=each.protocol, admitted=admits(each)) for each in ports)
    )


def _asked(ports: OpenPorts, banners: Banners) -> list[tuple[int, ServiceProtocol]]:
    """The ports that are asked, each with its protocol; MQTT's, which no polite question shows, by their number."""
    asked = [(port, ServiceProtocol.FTP) for port in banners.ports_with(ServiceProtocol.FTP)]
    open_question = banners.ports_with(*_OPEN_QUESTION)
    at_number = [port for port in ports.open if port in NOTABLE and NOTABLE[port].service in _MQTT_SERVICES]
    return [*asked, *((port, ServiceProtocol.MQTT) for port in at_number if port in open_question)]


@probe(
    "anonymous-logins",
    kind=AnonymousLogins,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_logins,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=Cost(connections=2 * MAX_PORTS, seconds=MAX_PORTS * 12),
)
async def anonymous_logins(target: Target, network: Network, ports: OpenPorts, banners: Banners) -> ScanOutput:
    """Log in as FTP's ``anonymous`` and to MQTT without credentials, and leave at once."""
    chosen = _asked(ports, banners)
    answers = list(await asyncio.gather(*(_log_in(target, network, banners, *each) for each in chosen[:MAX_PORTS])))
    answers += [StoredLogin(port=port, protocol=protocol, cause=Cause.ABORTED) for port, protocol in chosen[MAX_PORTS:]]
    stored = StoredLogins(ports=tuple(answers)).canonical()
    return ScanOutput(
        raw=(Raw(name="logins.json", data=stored, media_type="application/json"),),
        gaps=tuple(Gap(question=f"log-in at {each.port}/tcp", cause=each.cause) for each in answers if each.cause),
    )


async def _log_in(
    target: Target, network: Network, banners: Banners, port: int, protocol: ServiceProtocol
) -> StoredLogin:
    banner = banners.banner_of(port).seen
    is_in_tls = banner is not None and banner.tls
    found = StoredLogin(port=port, protocol=protocol)
    try:
        async with _connected(network, port) as stream:
            if is_in_tls:
                await _start_tls(stream, target)
            if protocol is not ServiceProtocol.FTP:
                return found.model_copy(update={"code": await _mqtt(stream)})
            await _reply(stream)
            code = await _ftp(stream)
        if is_in_tls:
            return found.model_copy(update={"auth": _FTP_AUTH, "code_in_tls": code})
        if code in _FTP_LOGGED_IN:
            return found.model_copy(update={"code": code})
        async with _connected(network, port) as stream:
            await _reply(stream)
            auth, code_in_tls = await _command(stream, b"AUTH TLS\r\n"), ""
            if auth in _FTP_STARTS_TLS:
                await _start_tls(stream, target)
                code_in_tls = await _ftp(stream)
    except ScanFailure as failure:
        return found.model_copy(update={"cause": failure.cause})
    return found.model_copy(update={"code": code, "auth": auth, "code_in_tls": code_in_tls})


@asynccontextmanager
async def _connected(network: Network, port: int) -> AsyncIterator[Stream]:
    stream = await network.connect(port, timeout=CONNECT_SECONDS)
    try:
        yield stream
    finally:
        await stream.close()


async def _start_tls(stream: Stream, target: Target) -> None:
    await stream.start_tls(permissive_tls_context(), target.server_name, timeout=ANSWER_SECONDS)


async def _ftp(stream: Stream) -> str:
    """The code of the last reply to USER and PASS (RFC 959 §5.4), after the greeting."""
    code = await _command(stream, b"USER anonymous\r\n")
    if code == "331":
        code = await _command(stream, b"PASS anonymous@\r\n")
    await stream.write(b"QUIT\r\n", timeout=ANSWER_SECONDS)
    return code


async def _command(stream: Stream, command: bytes) -> str:
    await stream.write(command, timeout=ANSWER_SECONDS)
    return await _reply(stream)


async def _reply(stream: Stream) -> str:
    """The code of one reply, however many lines it has; empty where none came, or where it refuses this client."""
    received = b""
    while not (codes := codes_of(received)) and len(received) < ANSWER_BYTES:
        more = await stream.read(ANSWER_BYTES, timeout=ANSWER_SECONDS)
        if not more:
            return ""
        received += more
    if not codes or (codes[-1][:1] == b"5" and _OF_CLIENT.search(received)):
        return ""
    return codes[-1].decode()


async def _mqtt(stream: Stream) -> str:
    """The return code of CONNACK; empty where the server sent something else."""
    await stream.write(_CONNECT, timeout=ANSWER_SECONDS)
    received = b""
    while len(received) < _CONNACK_BYTES and (more := await stream.read(ANSWER_BYTES, timeout=ANSWER_SECONDS)):
        received += more
    found = _CONNACK.fullmatch(received)
    if found is None:
        return ""
    await stream.write(_DISCONNECT, timeout=ANSWER_SECONDS)
    return str(found[1][0])
