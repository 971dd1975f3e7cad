"""HTTP, and products that speak it: by the fields and bodies that they document, or by the pages that they show.

What is stored of a reply is its status, some fields, and of the body only the members and marks that identify one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from inspector import canonical, masked, without_secrets
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, was_asked
from inspector_services.protocols.texts import Software, json_object, masked_text, software_in

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,7})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNK = re.compile(rb"\A[0-9A-Fa-f]{1,6}\r\n(.*?)(?:\r\n0\r\n\r\n)?\Z", re.DOTALL)
_CHUNKED = re.compile(rb"^transfer-encoding:[ \t]*chunked", re.IGNORECASE | re.MULTILINE)
#: The last bytes of a reply in chunks.
_LAST_CHUNK = b"\r\n0\r\n\r\n"
#: Fields that are kept, their values masked.
_FIELDS = (
    *("api-version", "content-type", "docker-experimental", "server", "www-authenticate", "x-elastic-product"),
    *("x-consul-default-acl-policy", "x-consul-index", "x-influxdb-version", "x-jenkins"),
)
#: Members of JSON bodies that are kept, with their values.
_MEMBERS = frozenset(
    [
        "ApiVersion",
        "Version",
        "couchdb",
        "distribution",
        "etcdcluster",
        "etcdserver",
        "gitVersion",
        "kind",
        "minor",
        "major",
        "neo4j_version",
        "number",
        "reason",
        "server",
        "status",
        "tagline",
        "type",
        "version",
        "versions",
    ]
)


def is_whole(received: bytes) -> bool:
    """Whether the reply is complete, as far as its fields tell."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = _LENGTH.search(head)
    return len(body) >= int(length[1]) if length else body.endswith(_LAST_CHUNK)


def _get(name: str, path: str) -> Ask:
    head = f"GET {path} HTTP/1.1\r\nHost: <host>\r\nUser-Agent: <agent>\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return Ask(name, head.encode(), is_whole)


def _apart(ask: Ask) -> Ask:
    return Ask(ask.name, ask.sent, ask.is_complete, apart=True)


GET = _get("http", "/")
DOCKER_VERSION = _get("http docker", "/version")
ETCD_VERSION = _get("http etcd", "/version")
KUBERNETES_VERSION = _get("http kubernetes", "/version")
CONSUL_LEADER = _get("http consul", "/v1/status/leader")
#: A request of WS-Management's Identify, which needs no log-in (DSP0226 §11).
_IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    b"<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)
#: The element that answers it.
_IDENTIFIED = b"IdentifyResponse"
WINRM_IDENTIFY = Ask(
    "http winrm",
    b"POST /wsman HTTP/1.1\r\nHost: <host>\r\nUser-Agent: <agent>\r\nWSMANIDENTIFY: unauthenticated\r\n"
    b"Content-Type: application/soap+xml;charset=UTF-8\r\nConnection: close\r\n"
    + b"Content-Length: %d\r\n\r\n" % len(_IDENTIFY)
    + _IDENTIFY,
    is_whole,
)
#: Whether a client without a log-in may see which interfaces there are, as every kubectl asks first.
_KUBERNETES_API = _apart(_get("http kubernetes api", "/api"))
#: Values of members and fields that mean something.
_CONSTANTS = frozenset({"APIVersions", "Status", "allow", "deny", "opensearch", "security_exception"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its status, fields by lower-case name, and body; ``members`` are those of a JSON object."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """The members of a JSON object in the body; empty where it has none."""
        return json_object(self.body)


def reply_in(received: bytes) -> Reply | None:
    """The reply that was received; None where it is none. Of a head that is cut off the status alone is read."""
    status = _STATUS.match(received)
    if status is None:
        return None
    head, is_whole_head, body = received.partition(b"\r\n\r\n")
    pairs = (line.partition(b":") for line in (head.split(b"\n")[1:] if is_whole_head else ()))
    fields = {name.strip().lower().decode("latin-1"): text.strip().decode("latin-1") for name, _, text in pairs}
    if _CHUNKED.search(head) and (chunk := _CHUNK.match(body)):
        body = chunk[1]
    return Reply(int(status[1]), fields, body)


# --- products ---


@dataclass(frozen=True, slots=True)
class _Product:
    """A product: what identifies it in a reply to its questions; what that says of version and log-in."""

    protocol: ServiceProtocol
    name: str
    identifies: Callable[[Reply], bool]
    version: Callable[[Reply], object] = lambda _reply: ""
    authentication: Callable[[Reply], bool | None] = lambda _reply: None
    questions: tuple[str, ...] = (GET.name,)


def _served(reply: Reply) -> bool | None:
    """Whether a reply with data, or a refusal for want of a log-in, shows that a log-in is asked for.

    Status 403 shows nothing: it refuses this question to a client that was let in without a name, as Elasticsearch does
    where anonymous access is set up, and says nothing of other questions.
    """
    return {200: False, 401: True}.get(reply.status)


def _number(reply: Reply) -> object:
    version = reply.members.get("version")
    return version.get("number") if isinstance(version, dict) else ""


def _is_elasticsearch(reply: Reply) -> bool:
    if "x-elastic-product" in reply.fields:
        return True
    error = reply.members.get("error")
    is_refusal = reply.status == 401 and isinstance(error, dict) and error.get("type") == "security_exception"
    return is_refusal or (isinstance(_number(reply), str) and bool(_number(reply)) and "tagline" in reply.members)


def _is_winrm(reply: Reply) -> bool:
    is_refusal = reply.status == 401 and "microsoft-httpapi" in reply.fields.get("server", "").lower()
    return is_refusal or _IDENTIFIED in reply.body


_PRODUCTS = (
    _Product(ServiceProtocol.ELASTICSEARCH, "Elasticsearch", _is_elasticsearch, _number, _served),
    _Product(
        ServiceProtocol.COUCHDB,
        "CouchDB",
        lambda reply: reply.members.get("couchdb") == "Welcome" or reply.fields.get("server", "").startswith("CouchDB"),
        lambda reply: reply.members.get("version"),
    ),
    _Product(
        ServiceProtocol.INFLUXDB,
        "InfluxDB",
        lambda reply: "x-influxdb-version" in reply.fields,
        lambda reply: reply.fields["x-influxdb-version"].removeprefix("v"),
    ),
    _Product(
        ServiceProtocol.DOCKER,
        "Docker",
        lambda reply: "api-version" in reply.fields and "docker-experimental" in reply.fields,
        lambda reply: reply.members.get("Version"),
        _served,
        (DOCKER_VERSION.name, GET.name),
    ),
    _Product(
        ServiceProtocol.ETCD,
        "etcd",
        lambda reply: isinstance(reply.members.get("etcdserver"), str),
        lambda reply: reply.members.get("etcdserver"),
        questions=(ETCD_VERSION.name,),
    ),
    _Product(
        ServiceProtocol.KUBERNETES,
        "Kubernetes",
        lambda reply: (
            isinstance(reply.members.get("gitVersion"), str)
            or (reply.status in (401, 403) and reply.members.get("kind") == "Status")
        ),
        lambda reply: str(reply.members.get("gitVersion", "")).removeprefix("v"),
        questions=(GET.name, KUBERNETES_VERSION.name),
    ),
    _Product(
        ServiceProtocol.CONSUL,
        "Consul",
        lambda reply: (
            "x-consul-default-acl-policy" in reply.fields
            or (reply.status == 200 and re.fullmatch(rb'"[0-9.:\[\]a-f]*:\d+"\s*', reply.body) is not None)
        ),
        authentication=lambda reply: {"allow": False, "deny": True}.get(
            reply.fields.get("x-consul-default-acl-policy", "")
        ),
        questions=(CONSUL_LEADER.name,),
    ),
    _Product(ServiceProtocol.WINRM, "", _is_winrm, questions=(WINRM_IDENTIFY.name,)),
)
#: Administration products by what stands in their pages, whole titles above all, each with what is stored in its place.
_PAGES: Mapping[str, tuple[re.Pattern[bytes], bytes]] = {
    "Cockpit": (re.compile(rb"cockpit/static/login\."), b"cockpit/static/login."),
    "HPE iLO": (re.compile(rb"<title>iLO \d</title>"), b"<title>iLO 5</title>"),
    "OPNsense": (re.compile(rb"<title>Login \| OPNsense</title>"), b"<title>Login | OPNsense</title>"),
    "Plesk": (re.compile(rb"<title>Plesk (?:Obsidian|Onyx) [\d.]+</title>"), b"<title>Plesk Obsidian 0</title>"),
    "Proxmox VE": (
        re.compile(rb"<title>[^<]{1,80} - Proxmox Virtual Environment</title>"),
        b"<title>x - Proxmox Virtual Environment</title>",
    ),
    "iDRAC": (re.compile(rb"<title>iDRAC\d? ?-? ?Login</title>"), b"<title>iDRAC Login</title>"),
    **{
        name: (re.compile(re.escape(mark)), mark)
        for name, mark in (
            ("MikroTik RouterOS", b"<title>RouterOS router configuration page</title>"),
            ("Portainer", b"<title>Portainer</title>"),
            ("RabbitMQ", b"<title>RabbitMQ Management</title>"),
            ("VMware ESXi", b"ID_EESX_Welcome"),
            ("VMware vCenter", b"ID_VC_Welcome"),
            ("Veeam", b"<title>Veeam Backup Enterprise Manager</title>"),
            ("WHM", b"<title>WHM Login</title>"),
            ("Webmin", b"<title>Login to Webmin</title>"),
            ("cPanel", b"<title>cPanel Login</title>"),
            ("pfSense", b"<title>pfSense - Login</title>"),
            ("phpMyAdmin", b"<title>phpMyAdmin</title>"),
        )
    },
}
#: What servers of other protocols answer to a browser, and what they are; UNKNOWN where several do so.
_NO_WEB_SERVER: Mapping[bytes, ServiceProtocol] = {
    b"MongoDB over HTTP on the native driver port": ServiceProtocol.MONGODB,
    b"This is not an HTTP port": ServiceProtocol.UNKNOWN,
    b"This is not a HTTP port": ServiceProtocol.UNKNOWN,
    b"is for clickhouse-client program": ServiceProtocol.UNKNOWN,
}
#: The title of a page, and how much of it is read.
_TITLE = re.compile(rb"<title(?: [^<>]{0,200})?>([^<]{0,400})", re.IGNORECASE)
_TITLE_CHARACTERS = 160
_SERVERS: Mapping[str, str] = {"MiniServ/": "Webmin", "cpsrvd/": "cPanel", "pve-api-daemon/": "Proxmox VE"}


def _page_of(reply: Reply) -> str:
    by_server = (name for start, name in _SERVERS.items() if reply.fields.get("server", "").startswith(start))
    return next(by_server, "") or next((name for name, (form, _) in _PAGES.items() if form.search(reply.body)), "")


def title_of(body: bytes) -> str:
    """The title of a page in one line, with characters that do not print escaped, without forms of secrets."""
    found = _TITLE.search(body)
    if found is None:
        return ""
    text = " ".join(unescape(without_secrets(found[1]).decode("utf-8", "backslashreplace")).split())
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)[:_TITLE_CHARACTERS]


def _shows_page(reply: Reply) -> bool:
    """Whether the page itself is there: the field ``server`` stands in redirects and errors, too."""
    return any(form.search(reply.body) for form, _ in _PAGES.values())


def _replies(turns: Turns) -> list[tuple[str, bool, Reply]]:
    found = ((turn.question, turn.tls, reply_in(turn.received)) for turn in turns)
    return [(question, tls, reply) for question, tls, reply in found if reply is not None]


def _product_of(turns: Turns) -> tuple[_Product, Reply] | None:
    pairs = (
        (each, reply) for question, _, reply in _replies(turns) for each in _PRODUCTS if question in each.questions
    )
    return next(((each, reply) for each, reply in pairs if each.identifies(reply)), None)


def _describe(turns: Turns) -> Banner:
    tls = any(tls for _, tls, _ in _replies(turns))
    replies = [reply for _, _, reply in _replies(turns)]
    common: dict[str, Any] = {
        "text": "",
        "tls": tls,
        "cleartext": not tls,
        "server": next(filter(None, (_kept_text(each.fields.get("server", ""))[:80] for each in replies)), ""),
        "title": next(filter(None, (title_of(each.body) for each in replies)), ""),
    }
    if found := _product_of(turns):
        product, reply = found
        authentication = product.authentication(reply)
        if product.protocol is ServiceProtocol.KUBERNETES:
            authentication = _kubernetes_authentication(turns)
        if product.protocol is ServiceProtocol.WINRM:
            common["cleartext"] = None  # its messages may be encrypted
        version = product.version(reply)
        text = version.encode("ascii", "backslashreplace").decode()[:40] if isinstance(version, str) else ""
        name = "OpenSearch" if _is_opensearch(reply) else product.name
        common |= {"product": name, "version": text}
        return Banner(protocol=product.protocol, authentication=authentication, **common)
    pages = ((_page_of(reply), reply) for _, _, reply in _replies(turns))
    if other := next(
        (each for mark, each in _NO_WEB_SERVER.items() if any(mark in each.body for each in replies)), None
    ):
        return Banner(text="", protocol=other, tls=tls)
    if page := next((name for name, _ in pages if name), ""):
        if not tls and not any(_shows_page(reply) for _, _, reply in _replies(turns)):
            common["cleartext"] = None  # a redirect, perhaps to HTTPS, or an error: no page
        return Banner(protocol=ServiceProtocol.ADMINISTRATION_PAGE, product=page, **common)
    servers = (reply.fields.get("server", "") for _, _, reply in _replies(turns))
    named = next(filter(any, (software_in(each.encode("latin-1")) for each in servers)), Software())
    return Banner(protocol=ServiceProtocol.HTTP, **common, **named._asdict())


def _is_opensearch(reply: Reply) -> bool:
    version = reply.members.get("version")
    return isinstance(version, dict) and version.get("distribution") == "opensearch"


def _kubernetes_authentication(turns: Turns) -> bool | None:
    """Servers show ``/version`` to everybody; the interfaces only where no log-in is asked for."""
    reply = next((reply for question, _, reply in _replies(turns) if question == _KUBERNETES_API.name), None)
    if reply is None or (reply.status == 200 and reply.members.get("kind") != "APIVersions"):
        return None
    return True if reply.status == 403 else _served(reply)


def _then(turns: Turns) -> Ask | None:
    found = _product_of(turns)
    is_kubernetes = found is not None and found[0].protocol is ServiceProtocol.KUBERNETES
    return _KUBERNETES_API if is_kubernetes and not was_asked(turns, _KUBERNETES_API.name) else None


def _kept(turn: Turn) -> bytes:
    reply = reply_in(turn.received)
    if reply is None:
        return masked(turn.received)
    head = turn.received.split(b"\n", 1)[0].strip()[:12]
    fields = [f"{name}: {_kept_text(reply.fields[name])}".encode("latin-1") for name in _FIELDS if name in reply.fields]
    return b"\r\n".join((head, *fields, b"", _kept_body(reply)))


def _kept_text(text: str) -> str:
    return text if text in _CONSTANTS else masked_text(text)


def _kept_body(reply: Reply) -> bytes:
    if members := reply.members:
        return canonical(_reduced(members))
    if re.fullmatch(rb'"[0-9.:\[\]a-f]*:\d+"\s*', reply.body):
        return b'"0:0"'
    title = title_of(reply.body)
    marks = [b"<title>" + escape(title).encode() + b"</title>"] if title else []
    marks += [mark for form, mark in _PAGES.values() if form.search(reply.body)]
    marks += [mark for mark in _NO_WEB_SERVER if mark in reply.body]
    return b"\n".join((*marks, *([_IDENTIFIED] if _IDENTIFIED in reply.body else [])))


def _reduced(members: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The listed members, two levels deep, with short texts."""
    kept: dict[str, Any] = {}
    for name, value in members.items():
        if isinstance(value, dict) and depth < 2:
            kept[name if name in _MEMBERS or name == "error" else "_"] = _reduced(value, depth + 1)
        elif name in _MEMBERS and isinstance(value, str):
            kept[name] = _kept_text(value[:60])
    return kept


def _recognises(turn: Turn) -> bool:
    return _STATUS.match(turn.received) is not None


HTTP = Grammar(ServiceProtocol.HTTP, _recognises, _describe, first=GET, then=_then, kept=_kept)
