"""The probes of MTA-STS: a domain's DNS records, the policy at its policy host, and its mail servers at port 25.

The policy host and the mail servers are discovered subjects, ``mta-sts://HOST/DOMAIN`` and ``mx://HOST/DOMAIN``: they
are scanned where they are declared endpoints and authorised, and otherwise recorded as out of scope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from inspector import (
    DNS_QUESTIONS,
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
    dns_name_text,
    masked,
    probe,
)
from inspector_tls.certificates import parsing
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import CertificateScan, certificate_cost
from inspector_tls.mta_sts.observations import (
    MailServer,
    MailServerName,
    MtaSts,
    MtaStsPolicy,
    PolicyReply,
    RecordFault,
)
from inspector_tls.mta_sts.policy import MAX_POLICY_BYTES, POLICY_TYPE, policy_reply, record_fault
from inspector_tls.starttls.negotiation import SMTP, NoTls
from inspector_tls.starttls.runner import prepare

MAIL: Final = Scheme("mail", UriForm.NAME)
#: ``mta-sts://HOST/DOMAIN``: the host that serves the policy of a domain.
POLICY_HOST: Final = Scheme("mta-sts", UriForm.PAGE, 443)
#: ``mx://HOST/DOMAIN``: a host that receives mail for a domain.
MX: Final = Scheme("mx", UriForm.PAGE, 25)
#: The most mail servers of a domain.
MAX_SERVERS: Final = 24

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
    """Query the MTA-STS record of a mail domain, its MX records, and the TLSA records of its mail servers.

    Where the record is valid, the policy host and the mail servers are discovered.
    """
    output = await collect_replies(network, partial(_records, domain=target.host))
    found = _records(DnsReplies(output), target.host)
    if not found.record.is_seen or found.record.value is not None:
        return output
    policy_host = Discovered(uri=f"mta-sts://mta-sts.{target.host}/{target.host}", why="host of the MTA-STS policy")
    servers = (
        Discovered(uri=f"mx://{server.host}/{target.host}", why="mail server of the domain")
        for server in found.servers.seen or ()
    )
    return output.model_copy(update={"discovered": (policy_host, *servers)})


def _records(replies: DnsReplies, domain: str) -> MtaSts:
    def record() -> RecordFault | None:
        from dns.rdtypes.ANY.TXT import TXT

        found = replies.records(f"_mta-sts.{domain}", "TXT")
        return record_fault([b"".join(each.strings) for each in found if isinstance(each, TXT)])

    return MtaSts(domain=domain, record=answer_of(record), servers=answer_of(_servers, replies, domain))


def _servers(replies: DnsReplies, domain: str) -> tuple[MailServerName, ...]:
    def has_tlsa(host: str) -> bool:
        return bool(replies.records(f"_25._tcp.{host}", "TLSA"))

    hosts = _hosts(replies, domain)
    if len(hosts) > MAX_SERVERS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(MailServerName(host=host, has_tlsa=answer_of(has_tlsa, host)) for host in hosts)


def _hosts(replies: DnsReplies, domain: str) -> list[str]:
    import dns.rdtypes.ANY.MX

    records = [each for each in replies.records(domain, "MX") if isinstance(each, dns.rdtypes.ANY.MX.MX)]
    if records:
        return sorted({dns_name_text(each.exchange) for each in records} - {"."})
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

_DECLINED: Final = "declined.txt"


def _parse_mail_server(output: ScanOutput, context: ParseContext) -> MailServer:
    domain, host = _domain_of(context.subject.uri), context.subject.host or ""
    try:
        return MailServer(domain=domain, host=host, certificates=_certificates(output, context, SMTP.name))
    except ScanFailure:
        declined = output.named(_DECLINED)
        if declined is None:
            raise
        return MailServer(domain=domain, host=host, reply=declined.decode())


@probe(
    "mail-server",
    kind=MailServer,
    schemes={MX},
    subject_kind=SubjectKind.URL,
    cost=lambda _target, options: certificate_cost(SMTP.name, options),
    parse=_parse_mail_server,
    parse_in_worker=True,
)
async def mail_server(target: Target, network: Network, *, answer_seconds: int = 6) -> ScanOutput:
    """Fetch the certificates that a mail server presents after STARTTLS under its name.

    ``answer_seconds`` bounds one handshake, after the negotiation of TLS before it.
    """
    declined: list[str] = []

    async def start_tls(stream: Stream) -> None:
        try:
            await prepare(stream, SMTP.name, network.identity, host=target.host)
        except NoTls as failure:
            declined.append(failure.message)
            raise

    scan = CertificateScan(network, answer_seconds, start_tls)
    await scan.run()
    output = scan.output()
    if not declined:
        return output
    raw = Raw(name=_DECLINED, data=declined[0].encode(), media_type="text/plain")
    return output.model_copy(update={"raw": (*output.raw, raw), "failure": None})


def _domain_of(uri: str) -> str:
    return urlsplit(uri).path.strip("/")


def _certificates(output: ScanOutput, context: ParseContext, scheme: str) -> Certificates:
    """The certificates of a discovered subject; ``scheme`` names the protocol in which TLS was started."""
    return parsing.parse(output, context).model_copy(update={"scheme": scheme})
