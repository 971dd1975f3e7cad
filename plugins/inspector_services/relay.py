"""The intrusive probe of mail relays: whether an SMTP server takes a recipient elsewhere from a client that it does not
know (RFC 5321 §7.9, RFC 5068 §3.1).

The sender is the empty one, as of a bounce, which every server takes; the recipient is in a domain that is reserved for
documentation (RFC 2606 §3), so that no mail server is responsible for it. RSET and QUIT follow, never DATA: there is no
message that could be delivered.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

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
from inspector_services.observations import Banners, MailRelay, MailRelays, ServiceProtocol
from inspector_services.probes import CONNECT_SECONDS
from inspector_services.protocols.replies_220 import codes_of

#: Limits: ports per address, bytes per reply, and seconds for each.
MAX_PORTS = 10
REPLY_BYTES = 4096
REPLY_SECONDS = 10.0

#: A reply repeats it, so that it has none of the words below.
RECIPIENT = "inspector@example.com"
#: The code of a greeting, and of the reply to STARTTLS; of no other reply (RFC 5321 §4.2.3, RFC 3207 §4).
_GREETING = b"220"
_MAIL = b"MAIL FROM:<>\r\n"
_RCPT = f"RCPT TO:<{RECIPIENT}>\r\n".encode()
#: The keyword of EHLO's reply (RFC 3207 §4), at the end of a line.
_STARTTLS = re.compile(rb"^250[ -]STARTTLS *\r?$", re.MULTILINE | re.IGNORECASE)
#: How a server says that it refuses because it does not relay, or not without a log-in: for good, or for now as Postfix
#: does by default.
_NO_RELAY = re.compile(
    rb"(?<![\w.-])relay(?:ed|ing)?(?![\w-]|\.\w)|rcpthosts|cannot deliver mail for|non-accepted domain|not (?:a )?local"
    rb"|authentication (?:is )?required|must authenticate|not authenticated|log ?in first",
    re.IGNORECASE,
)
#: Of a refusal because of the client itself, which another client would not get: nothing follows for strangers.
_OF_CLIENT = re.compile(rb"block|black|denylist|listed|reputation|spam|grey|gray|dnsbl|\brbl", re.IGNORECASE)


class StoredRelay(Model):
    """The last command that a server got, and the code of its reply.

    Of its text, in which names and addresses stand, only the words that decide are kept: those by which a server
    refuses to relay, and those about this client. Empty where it has none.
    """

    port: int
    command: str = ""
    code: str = ""
    no_relay: str = ""
    of_client: str = ""
    cause: Cause | None = None

    @classmethod
    def of(cls, port: int, command: str, code: str, reply: bytes) -> StoredRelay:
        """What is stored of a reply."""
        no_relay, of_client = _words(_NO_RELAY, reply), _words(_OF_CLIENT, reply)
        return cls(port=port, command=command, code=code, no_relay=no_relay, of_client=of_client)


class StoredRelays(Model):
    """The replies of all ports."""

    ports: tuple[StoredRelay, ...] = ()


def relays(stored: StoredRelay) -> Answer[bool]:
    """Whether the recipient was taken; unseen where a refusal was about something else, or came before."""
    if stored.cause is not None:
        return Answer[bool](unseen=stored.cause)
    if stored.command == "RCPT" and stored.code[:1] == "2":
        return Answer[bool](seen=True)
    is_refused = stored.code[:1] in ("4", "5") and stored.command in ("MAIL", "RCPT")
    if is_refused and stored.no_relay and not stored.of_client:
        return Answer[bool](seen=False)
    return Answer[bool](unseen=Cause.AMBIGUOUS)


def parse_relays(output: ScanOutput, context: ParseContext) -> MailRelays:
    """Whether each port relays; raises ValueError when the replies are missing."""
    raw = output.named("relays.json")
    if raw is None:
        raise ValueError(f"the replies of {context.subject.address} are missing")
    ports = sorted(StoredRelays.parse(raw).ports, key=lambda each: each.port)
    return MailRelays(ports=tuple(MailRelay(port=each.port, relays=relays(each)) for each in ports))


@probe(
    "mail-relay",
    kind=MailRelays,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_relays,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=Cost(connections=MAX_PORTS, seconds=MAX_PORTS * 6),
)
async def mail_relay(target: Target, network: Network, banners: Banners) -> ScanOutput:
    """Name a recipient elsewhere to each SMTP server, without a log-in, and leave before any message."""
    chosen = banners.ports_with(ServiceProtocol.SMTP)
    replies = list(await asyncio.gather(*(_ask(target, network, banners, port) for port in chosen[:MAX_PORTS])))
    replies += [StoredRelay(port=port, cause=Cause.ABORTED) for port in chosen[MAX_PORTS:]]
    stored = StoredRelays(ports=tuple(replies)).canonical()
    return ScanOutput(
        raw=(Raw(name="relays.json", data=stored, media_type="application/json"),),
        gaps=tuple(Gap(question=f"relay at {each.port}/tcp", cause=each.cause) for each in replies if each.cause),
    )


async def _ask(target: Target, network: Network, banners: Banners, port: int) -> StoredRelay:
    banner = banners.banner_of(port).seen
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
        try:
            session = _Session(stream, target.server_name, network.identity.ehlo)
            if banner is not None and banner.tls:
                await session.start_tls()
            return await session.stored(port)
        finally:
            await stream.close()
    except ScanFailure as failure:
        return StoredRelay(port=port, cause=failure.cause)


def _words(of: re.Pattern[bytes], reply: bytes) -> str:
    found = of.search(reply)
    return found[0].decode("ascii") if found else ""


class _Session:
    """One SMTP session as far as RCPT."""

    def __init__(self, stream: Stream, server_name: str | None, own_name: str) -> None:
        self._stream = stream
        self._server_name = server_name
        self._own_name = own_name
        self._command = "greeting"
        self._code = ""
        self._reply = b""

    async def stored(self, port: int) -> StoredRelay:
        """What the session came to."""
        await self._read()
        if self._code == _GREETING.decode() and await self._hello():
            await self._name_recipient()
        found = StoredRelay.of(port, self._command, self._code, self._reply)
        if self._command in ("MAIL", "RCPT"):
            await self._leave()
        return found

    async def start_tls(self) -> None:
        await self._stream.start_tls(permissive_tls_context(), self._server_name, timeout=REPLY_SECONDS)

    async def _hello(self) -> bool:
        """EHLO, and TLS where the server offers it, as some ask for it before mail; HELO where EHLO is not known."""
        if await self._say("EHLO", f"EHLO {self._own_name}\r\n".encode()) == "250":
            if _STARTTLS.search(self._reply) is None:
                return True
            if await self._say("STARTTLS", b"STARTTLS\r\n") != "220":
                return False
            await self.start_tls()
            return await self._say("EHLO", f"EHLO {self._own_name}\r\n".encode()) == "250"
        return await self._say("HELO", f"HELO {self._own_name}\r\n".encode()) == "250"

    async def _name_recipient(self) -> None:
        if await self._say("MAIL", _MAIL) == "250":
            await self._say("RCPT", _RCPT)

    async def _leave(self) -> None:
        """Give up the recipient, and end the session."""
        with suppress(ScanFailure):
            for line in (b"RSET\r\n", b"QUIT\r\n"):
                await self._stream.write(line, timeout=REPLY_SECONDS)
                await self._read()

    async def _say(self, command: str, line: bytes) -> str:
        self._command = command
        await self._stream.write(line, timeout=REPLY_SECONDS)
        await self._read(None if command == "STARTTLS" else _GREETING)
        return self._code

    async def _read(self, skipped: bytes | None = None) -> None:
        """The code of one reply, however many lines it has; empty where the server closed before its end.

        Replies with the code ``skipped`` are passed over: a greeting of several replies, of which a late one would make
        the reply to MAIL that to RCPT.
        """
        self._code, self._reply = "", b""
        while not (codes := [each for each in codes_of(self._reply) if each != skipped]):
            if len(self._reply) >= REPLY_BYTES:
                return
            more = await self._stream.read(REPLY_BYTES, timeout=REPLY_SECONDS)
            if not more:
                return
            self._reply += more
        self._code = codes[-1].decode()
