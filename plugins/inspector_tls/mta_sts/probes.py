"""The probes of TLS between mail servers: a domain's DNS records, its MTA-STS policy, its mail servers at port 25.

The policy host and the mail servers are discovered subjects, ``mta-sts://HOST/DOMAIN`` and ``mx://HOST/DOMAIN``: they
are scanned where they are declared endpoints and authorised, and otherwise recorded as out of scope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from hashlib import sha256, sha512
from typing import Any, Final
from urllib.parse import urlsplit

from inspector import (
    DNS_QUESTIONS,
    Answer,
    Cause,
    Cost,
    Discovered,
    DnsReplies,
    Gap,
    Intrusiveness,
    Model,
    Network,
    NotSeen,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Scheme,
    Stream,
    SubjectKind,
    Target,
    UriForm,
    answer_of,
    collect_replies,
    is_address,
    masked,
    probe,
)
from inspector_tls.certificates import parsing
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import CertificateScan, certificate_cost
from inspector_tls.mta_sts.greeting import StoredGreeting, greet
from inspector_tls.mta_sts.observations import (
    Digests,
    MailServer,
    MailServerName,
    MtaSts,
    MtaStsPolicy,
    PolicyReply,
    TlsaRecord,
)
from inspector_tls.mta_sts.policy import MAX_POLICY_BYTES, POLICY_TYPE, policy_reply, record_fault
from inspector_tls.mta_sts.reporting import reporting_fault
from inspector_tls.starttls.negotiation import SMTP, shown
from inspector_tls.starttls.observations import TlsReadiness
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, prepare

MAIL: Final = Scheme("mail", UriForm.NAME)
#: ``mta-sts://HOST/DOMAIN``: the host that serves the policy of a domain.
POLICY_HOST: Final = Scheme("mta-sts", UriForm.PAGE, 443)
#: ``mx://HOST/DOMAIN``: a host that receives mail for a domain.
MX: Final = Scheme("mx", UriForm.PAGE, 25)
#: The most mail servers of a domain.
MAX_SERVERS: Final = 24
#: The most TLSA records of one server, and bytes of one: a whole certificate may stand there.
MAX_TLSA: Final = 16
MAX_TLSA_BYTES: Final = 8192

# --- DNS records ------------------------------------------------------------------------------------------------------


def _parse_records(output: ScanOutput, context: ParseContext) -> MtaSts:
    return _records(DnsReplies(output), context.subject.host or "")


@probe(
    "mta-sts",
    kind=MtaSts,
    schemes={MAIL},
    subject_kind=SubjectKind.MAIL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=60, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse_records,
    discovers={POLICY_HOST, MX},
)
async def mta_sts(target: Target, network: Network) -> ScanOutput:
    """Query the records on which the TLS of a mail domain depends: MX, MTA-STS, TLS reporting, TLSA.

    The mail servers are discovered, and where the MTA-STS record is valid the policy host.
    """
    output = await collect_replies(network, partial(_records, domain=target.host))
    found = _records(DnsReplies(output), target.host)
    hosts = [f"mta-sts.{target.host}"] if found.record.is_seen and found.record.value is None else []
    policies = (Discovered(uri=f"mta-sts://{host}/{target.host}", why="host of the MTA-STS policy") for host in hosts)
    servers = (
        Discovered(uri=f"mx://{server.host}/{target.host}", why="mail server of the domain")
        for server in found.servers.seen or ()
        if not is_address(server.host)
    )
    return output.model_copy(update={"discovered": (*policies, *servers)})


def _records(replies: DnsReplies, domain: str) -> MtaSts:
    servers = answer_of(_servers, replies, domain)
    has_tlsa = any(server.tlsa.seen for server in servers.seen or ())
    return MtaSts(
        domain=domain,
        record=answer_of(lambda: record_fault(replies.texts(f"_mta-sts.{domain}"))),
        servers=servers,
        servers_authenticated=answer_of(replies.is_authenticated, domain, "MX"),
        validating=answer_of(replies.is_authenticated, ".", "SOA") if has_tlsa else Answer(unseen=Cause.NOT_SELECTED),
        reporting=answer_of(lambda: reporting_fault(replies.texts(f"_smtp._tls.{domain}"))),
    )


def _servers(replies: DnsReplies, domain: str) -> tuple[MailServerName, ...]:
    hosts = _hosts(replies, domain)
    if len(hosts) > MAX_SERVERS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(
        MailServerName(
            host=host,
            tlsa=answer_of(_tlsa, replies, host),
            authenticated=answer_of(replies.is_authenticated, f"_25._tcp.{host}", "TLSA"),
        )
        for host in hosts
    )


def _tlsa(replies: DnsReplies, host: str) -> tuple[TlsaRecord, ...]:
    import dns.rdtypes.ANY.TLSA

    found = replies.records(f"_25._tcp.{host}", "TLSA")
    records = [each for each in found if isinstance(each, dns.rdtypes.ANY.TLSA.TLSA)]
    if len(records) > MAX_TLSA:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    kept = [(each.usage, each.selector, each.mtype, each.cert[: MAX_TLSA_BYTES + 1]) for each in records]
    return tuple(
        TlsaRecord(
            usage=usage, selector=selector, matching=matching, data=data.hex() if len(data) <= MAX_TLSA_BYTES else ""
        )
        for usage, selector, matching, data in sorted(kept)
    )


def _hosts(replies: DnsReplies, domain: str) -> list[str]:
    exchangers = replies.exchangers(domain)
    if exchangers:
        return sorted({host for _, host in exchangers} - {"."})
    addresses = [answer_of(replies.records, domain, rdtype) for rdtype in ("A", "AAAA")]
    if any(each.seen for each in addresses):
        return [domain]
    _ = [each.value for each in addresses]  # raises NotSeen
    return []


# --- The policy -------------------------------------------------------------------------------------------------------

_REPLY: Final = "reply.json"
_FETCH_SECONDS: Final = 60
_OK: Final = 200
_POLICY_FIELD: Final = re.compile(rb"(version|mode|mx|max_age)[ \t]*:[ \t]*[A-Za-z0-9.*_-]{0,255}[ \t]*\r?\Z")
_GAP: Final = "the policy"


class _StoredReply(Model):
    """The reply of the policy host; of a long body one byte more than allowed."""

    status: int
    content_type: str
    body: bytes


def _parse_policy(output: ScanOutput, context: ParseContext) -> MtaStsPolicy:
    def reply() -> PolicyReply:
        data = output.named(_REPLY)
        if data is None:
            raise NotSeen(next((gap.cause for gap in output.gaps if gap.question == _GAP), Cause.NOT_REACHED))
        stored = _StoredReply.parse(data)
        return policy_reply(stored.status, stored.content_type, stored.body)

    return MtaStsPolicy(
        domain=_domain_of(context.subject.uri),
        host=context.subject.host or "",
        certificates=_certificates(output, context, "https"),
        reply=answer_of(reply),
    )


#: The connections of one fetch: a refused hello may lead to two more (``Network.transport``).
_FETCHES: Final = 3


def _policy_cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    handshakes = certificate_cost("https", options)
    return Cost(connections=handshakes.connections + _FETCHES, seconds=handshakes.seconds + _FETCH_SECONDS)


@probe(
    "mta-sts-policy",
    kind=MtaStsPolicy,
    schemes={POLICY_HOST},
    subject_kind=SubjectKind.URL,
    cost=_policy_cost,
    parse=_parse_policy,
    parse_in_worker=True,
)
async def mta_sts_policy(target: Target, network: Network, *, answer_seconds: int = 6) -> ScanOutput:
    """Fetch the certificates of the policy host, and the policy; redirects are not followed (RFC 8461 §3.3).

    ``answer_seconds`` bounds one handshake.
    """
    scan = CertificateScan(network, answer_seconds)
    await scan.run()
    output = scan.output()
    if output.failure is not None:
        return output
    try:
        stored = await _fetch(network, target)
    except ScanFailure as failure:
        gap = Gap(question=_GAP, cause=failure.cause, detail=failure.message)
        return output.model_copy(update={"gaps": (*output.gaps, gap)})
    raw = Raw(name=_REPLY, data=stored.canonical(), media_type="application/json")
    return output.model_copy(update={"raw": (*output.raw, raw)})


def _public_type(media_type: str) -> str:
    """The media type if it is that of a policy (RFC 8461 §3.3), another one masked."""
    return media_type if media_type.strip().lower() == POLICY_TYPE else masked(media_type.encode()).decode("latin-1")


def _public(body: bytes) -> bytes:
    """The fields of a policy (RFC 8461 §3.2), with every other line masked: the host may send another page."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return b"\xff"  # whatever else it has, it is no policy
    lines = body.split(b"\n")
    return b"\n".join(line if _POLICY_FIELD.match(line) else masked(line) for line in lines)


async def _fetch(network: Network, target: Target) -> _StoredReply:
    """GET the policy, and at most one byte more than it may have. Raises ScanFailure."""
    import httpx

    url = f"https://{target.host}:{target.port}/.well-known/mta-sts.txt"
    try:
        async with (
            network.within(_FETCH_SECONDS),
            network.request(url, timeout=_FETCH_SECONDS) as response,
        ):
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_POLICY_BYTES:
                    break
            content_type = response.headers.get("content-type", "")[:300].partition(";")[0]
            return _StoredReply(
                status=response.status_code,
                content_type=_public_type(content_type),
                body=_public(body[: MAX_POLICY_BYTES + 1]) if response.status_code == _OK else b"",
            )
    except TimeoutError:
        raise ScanFailure(Cause.TIMEOUT, f"no policy within {_FETCH_SECONDS} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ScanFailure(Cause.PROTOCOL_ERROR, str(error)[:300]) from None


# --- Mail servers -----------------------------------------------------------------------------------------------------

_GREETING: Final = "greeting.json"
#: Seconds for the dialogue after the greeting.
_DIALOGUE_SECONDS: Final = int(NEGOTIATION_SECONDS)
_CERTIFICATES: Final = "the certificates"


def _parse_mail_server(output: ScanOutput, context: ParseContext) -> MailServer:
    stored = StoredGreeting.parse(output.named(_GREETING) or b"")
    greeting = stored.greeting()
    declined = greeting.seen is not None and greeting.seen.readiness is not TlsReadiness.OFFERED

    def certificates() -> Certificates | None:
        if declined:
            return None
        gap = next((gap.cause for gap in output.gaps if gap.question == _CERTIFICATES), None)
        if gap is not None:
            raise NotSeen(gap)
        try:
            return _certificates(output, context, SMTP.name)
        except ScanFailure as failure:
            raise NotSeen(failure.cause) from None

    return MailServer(
        domain=_domain_of(context.subject.uri),
        host=context.subject.host or "",
        greeting=greeting,
        other_protocol=stored.other_protocol,
        certificates=answer_of(certificates),
        digests=tuple(_digests(raw.data) for raw in output.raw if raw.name.endswith(".der") and not declined),
        reply=shown(stored.received.rstrip(b"\r\n").rpartition(b"\n")[2]) if declined else "",
    )


def _digests(certificate: bytes) -> Digests:
    """The digests by which TLSA records name a certificate; those of the key are empty where it cannot be read."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        spki = b""
    return Digests(
        certificate=sha256(certificate).hexdigest(),
        certificate_sha512=sha512(certificate).hexdigest(),
        key=sha256(spki).hexdigest() if spki else "",
        key_sha512=sha512(spki).hexdigest() if spki else "",
    )


def _mail_server_cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    handshakes = certificate_cost(SMTP.name, options)
    seconds = int(options.get("greeting_seconds", 60)) + _DIALOGUE_SECONDS
    return Cost(connections=handshakes.connections + 1, seconds=handshakes.seconds + seconds)


@probe(
    "mail-server",
    kind=MailServer,
    schemes={MX},
    subject_kind=SubjectKind.URL,
    cost=_mail_server_cost,
    parse=_parse_mail_server,
    parse_in_worker=True,
    version="2",
)
async def mail_server(
    target: Target, network: Network, *, answer_seconds: int = 6, greeting_seconds: int = 60
) -> ScanOutput:
    """See how a mail server greets, and fetch the certificates that it presents after STARTTLS under its name.

    ``greeting_seconds`` bounds the wait for the greeting: some servers delay it against spam. ``answer_seconds`` bounds
    one handshake, after the negotiation of TLS before it. A server that greets late is not asked for certificates.
    """
    stream = await network.connect()
    try:
        stored = await greet(stream, target.host, network.identity, greeting_seconds=greeting_seconds)
    finally:
        await stream.close()
    raw = Raw(name=_GREETING, data=stored.canonical(), media_type="application/json")
    greeting = stored.greeting()
    if greeting.seen is None:
        cause = greeting.unseen or Cause.PROTOCOL_ERROR
        return ScanOutput(raw=(raw,), gaps=(Gap(question=_CERTIFICATES, cause=cause, detail="no answer about TLS"),))
    if greeting.seen.readiness is not TlsReadiness.OFFERED:
        return ScanOutput(raw=(raw,))
    if greeting.seen.seconds >= NEGOTIATION_SECONDS:
        detail = f"the server greets after {greeting.seen.seconds} s"
        return ScanOutput(raw=(raw,), gaps=(Gap(question=_CERTIFICATES, cause=Cause.TIMEOUT, detail=detail),))

    async def start_tls(stream: Stream) -> None:
        await prepare(stream, SMTP.name, network.identity, host=target.host)

    scan = CertificateScan(network, answer_seconds, start_tls)
    await scan.run()
    output = scan.output()
    gaps = output.gaps
    if output.failure is not None:
        gaps = (*gaps, Gap(question=_CERTIFICATES, cause=output.failure.cause, detail=output.failure.detail))
    return output.model_copy(update={"raw": (*output.raw, raw), "gaps": gaps, "failure": None})


def _domain_of(uri: str) -> str:
    return urlsplit(uri).path.strip("/")


def _certificates(output: ScanOutput, context: ParseContext, scheme: str) -> Certificates:
    """The certificates of a discovered subject; ``scheme`` names the protocol in which TLS was started."""
    return parsing.parse(output, context).model_copy(update={"scheme": scheme})
