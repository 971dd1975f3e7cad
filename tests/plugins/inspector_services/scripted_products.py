"""Habits of servers that Debian does not have, after their vendors' documents of protocol and interface.

Elasticsearch and OpenSearch ("Root API"), Docker ("Engine API", ``/version``), Kubernetes ("Authenticating",
``/version``, ``/api``), Consul ("Status HTTP API"), CouchDB ("/"), MongoDB ("Wire Protocol"), Cassandra ("CQL binary
protocol v4"), Kafka ("Protocol"), SQL Server ([MS-TDS]), RabbitMQ (AMQP 0-9-1), NATS ("Client protocol"), RDP with
network level authentication ([MS-RDPBCGR]), WinRM ([MS-WSMV]), Bolt ("Bolt Protocol"), the endpoint mapper ([MS-RPCE]),
OpenWire, the X Protocol ("X Protocol"), and pages of administration products. The answers of ZooKeeper, rlogind, pptpd
and Oracle are recorded.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Mapping
from itertools import count

Habit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
#: Status line, fields and body.
Page = tuple[str, Mapping[str, str], bytes]


def _json(status: str, members: object, **fields: str) -> Page:
    named = {name.replace("_", "-"): text for name, text in fields.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(members).encode()


def _html(body: bytes, **fields: str) -> Page:
    return "200 OK", {"Content-Type": "text/html", **fields}, body


_NOT_FOUND: Page = ("404 Not Found", {"Content-Type": "text/plain"}, b"404 page not found\n")


def web(pages: Mapping[str, Page]) -> Habit:
    """Answer one request by its method and path, and close."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b" ", 2)
        status, fields, body = pages.get(f"{method.decode()} {path.decode()}", _NOT_FOUND)
        shown = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        writer.write(f"HTTP/1.1 {status}\r\n{shown}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return habit


def exchanges(*replies: Callable[[bytes], bytes]) -> Habit:
    """Answer each message by the next function of it, then wait until the client leaves."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            message = await reader.read(65536)
            if not message:
                return
            writer.write(reply(message))
            await writer.drain()
        await reader.read()

    return habit


def says(text: bytes) -> Habit:
    """Say this and wait until the client leaves."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await reader.read()

    return habit


def alternates(*texts: bytes) -> Habit:
    """Say another of these at each connection."""
    numbers = count()

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(texts[next(numbers) % len(texts)])
        await reader.read()

    return habit


def ignores(*numbers: int, answered: Habit) -> Habit:
    """Do not answer on the connections of these numbers, counted from 0; on others do what ``answered`` does."""
    counted = count()

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(counted) in numbers:
            await reader.read()
        else:
            await answered(reader, writer)

    return habit


def _elasticsearch(distribution: dict[str, str], number: str, **fields: str) -> Page:
    version = {"number": number, **distribution, "build_hash": "0123abc", "lucene_version": "9.7.0"}
    root = {"name": "node-7", "cluster_name": "billing", "version": version, "tagline": "You Know, for Search"}
    return _json("200 OK", root, **fields)


_REFUSED = _json(
    "401 Unauthorized",
    {"error": {"root_cause": [], "type": "security_exception", "reason": "missing authentication"}, "status": 401},
    WWW_Authenticate='Basic realm="security" charset="UTF-8"',
)
_DOCKER = _json(
    "200 OK",
    {"Platform": {"Name": "Docker Engine - Community"}, "Version": "24.0.7", "ApiVersion": "1.43", "Os": "linux"},
    Api_Version="1.43",
    Docker_Experimental="false",
    Ostype="linux",
    Server="Docker/24.0.7 (linux)",
)
_KUBERNETES = _json("200 OK", {"major": "1", "minor": "30", "gitVersion": "v1.30.2", "platform": "linux/amd64"})


def _status(code: int, message: str) -> dict[str, object]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def _kubernetes(api: Page) -> Habit:
    root = _json("403 Forbidden", _status(403, 'forbidden: User "system:anonymous" cannot get path "/"'))
    return web({"GET /": root, "GET /version": _KUBERNETES, "GET /api": api})


def _consul(policy: str) -> Habit:
    leader = "200 OK", {"Content-Type": "application/json", "X-Consul-Default-Acl-Policy": policy}, b'"10.1.2.3:8300"'
    return web({"GET /v1/status/leader": leader})


def _mongodb(message: bytes) -> bytes:
    document = b"\x08isWritablePrimary\x00\x01\x10maxWireVersion\x00\x11\x00\x00\x00\x01ok\x00" + struct.pack("<d", 1)
    body = bytes(5) + struct.pack("<i", len(document) + 5) + document + b"\x00"
    return struct.pack("<iiii", 16 + len(body), 99, struct.unpack_from("<i", message, 4)[0], 2013) + body


def _cql(opcode: int, body: bytes = b"") -> Callable[[bytes], bytes]:
    return lambda _message: struct.pack(">BBhBi", 0x84, 0, 0, opcode, len(body)) + body


def _kafka(message: bytes) -> bytes:
    keys = b"".join(struct.pack(">hhh", key, 0, 9) for key in range(4))
    body = message[8:12] + struct.pack(">hi", 0, 4) + keys
    return struct.pack(">i", len(body)) + body


def _mssql(encryption: int) -> Callable[[bytes], bytes]:
    body = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + bytes((15, 0, 0x07, 0xD0, 0, 0, encryption))
    return lambda _message: struct.pack(">BBHHBB", 4, 1, 8 + len(body), 0, 1, 0) + body


def _amqp(mechanisms: bytes) -> Callable[[bytes], bytes]:
    def entry(name: bytes, text: bytes) -> bytes:
        return bytes((len(name),)) + name + b"S" + struct.pack(">I", len(text)) + text

    table = entry(b"cluster_name", b"rabbit@billing-7") + entry(b"product", b"RabbitMQ") + entry(b"version", b"3.10.8")
    body = b"\x00\x0a\x00\x0a\x00\x09" + struct.pack(">I", len(table)) + table
    body += struct.pack(">I", len(mechanisms)) + mechanisms + struct.pack(">I", 5) + b"en_US"
    return lambda _message: b"\x01\x00\x00" + struct.pack(">I", len(body)) + body + b"\xce"


def _nats(*, auth_required: bool) -> Habit:
    info = {"server_id": "NABC", "server_name": "billing-7", "version": "2.9.10", "auth_required": auth_required}
    return says(b"INFO " + json.dumps(info).encode() + b"\r\n")


def _rdp(*accepted: int) -> Callable[[bytes], bytes]:
    """Of the protocols that a client offers (a bit field), the first of ``accepted``; else that NLA is required."""

    def reply(message: bytes) -> bytes:
        (offered,) = struct.unpack_from("<I", message, len(message) - 4)
        chosen = next((each for each in accepted if offered & each or offered == each == 0), None)
        end = struct.pack("<BBHI", 3, 0, 8, 5) if chosen is None else struct.pack("<BBHI", 2, 0, 8, chosen)
        return b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00" + end

    return reply


_IDENTIFIED = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><wsmid:IdentifyResponse'
    b' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>'
)


def _tns(text: bytes) -> bytes:
    """A refusal by an Oracle listener: reasons 34 and 0, length, text."""
    return struct.pack(">HHBBHBBH", 12 + len(text), 0, 4, 0, 0, 34, 0, len(text)) + text


def _dcerpc(message: bytes) -> bytes:
    """Bind accepted, with the number of the request."""
    address = b"\x04\x00135\x00\x00\x00"
    results = struct.pack("<BBHHH", 1, 0, 0, 0, 0) + message[-20:]
    body = struct.pack("<HHI", 4280, 4280, 0x1234) + address + results
    return struct.pack("<BBBB4sHH", 5, 0, 12, 3, message[4:8], 16 + len(body), 0) + message[12:16] + body


def _once(habit_of: Callable[[bytes], bytes]) -> Habit:
    """Answer one message and close."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(habit_of(await reader.read(65536)))

    return habit


#: What ZooKeeper 3.8.0 of Debian 12 answers to ``srvr``; its netkit rlogind 0.17 to a zero byte; its pptpd 1.4.0 to a
#: Start-Control-Connection-Request.
_ZOOKEEPER = (
    b"Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nLatency min/avg/max: 0/0.0/0\n"
    b"Received: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 5\n"
)
_RLOGIND = b"\x01rlogind: Permission denied.\r\n"
_PPTPD = (
    b"\x00\x9c\x00\x01\x1a+<M\x00\x02\x00\x00\x01\x00\x01\x00" + bytes(8)
    + b"\x00\x00\x00\x01\x00\x01" + b"local".ljust(64, b"\x00") + b"linux".ljust(64, b"\x00")
)  # fmt: skip
#: Answers of listeners of Oracle to ``(COMMAND=ping)``, the second of 21c, as pages about them show.
_LISTENER = b"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=0)(ALIAS=LISTENER))"
_LISTENER_21 = b"(DESCRIPTION=(TMP=)(VSNNUM=352321536)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"

HABITS: dict[str, Habit] = {
    "activemq": says(b"\x00\x00\x01\x40\x01ActiveMQ\x00\x00\x00\x0c\x01" + bytes(60)),
    "bolt": exchanges(lambda _message: b"\x00\x00\x04\x05"),
    "epmap": exchanges(_dcerpc),
    "ica": says(b"\x7f\x7fICA\x00\x7f\x7fICA\x00"),
    "mysqlx": says(b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00"),
    "oracle": _once(lambda _message: _tns(_LISTENER)),
    "oracle-21": _once(lambda _message: _tns(_LISTENER_21)),
    "pptp": exchanges(lambda message: _PPTPD if len(message) == 156 else b""),
    "rlogin": _once(lambda message: _RLOGIND if message == b"\x00" else b""),
    "zookeeper": _once(lambda message: _ZOOKEEPER if message == b"srvr" else b""),
    "zookeeper-closed": _once(lambda _message: b"srvr is not executed because it is not in the whitelist.\n"),
    "alternating": alternates(b"SSH-2.0-OpenSSH_9.2p1\r\n", b"+OK POP3 ready\r\n"),
    "amqp": exchanges(_amqp(b"PLAIN AMQPLAIN")),
    "amqp-anonymous": exchanges(_amqp(b"ANONYMOUS PLAIN")),
    "cassandra": exchanges(_cql(6, b"\x00\x00"), _cql(2)),
    "cassandra-password": exchanges(_cql(6, b"\x00\x00"), _cql(3, b"\x00\x00")),
    "console": web({"GET /": _html(b"<html><head><title>Veeam Backup Enterprise Manager</title></head></html>")}),
    "consul": _consul("allow"),
    "consul-acl": _consul("deny"),
    "couchdb": web({"GET /": _json("200 OK", {"couchdb": "Welcome", "version": "3.3.3", "uuid": "f00"})}),
    "docker": web({"GET /version": _DOCKER}),
    "elasticsearch": web({"GET /": _elasticsearch({}, "7.17.9", X_Elastic_Product="Elasticsearch")}),
    "elasticsearch-password": web({"GET /": _REFUSED}),
    "esxi": web({"GET /": _html(b"<html><script>document.write(ID_EESX_Welcome);</script></html>")}),
    "kafka": exchanges(_kafka),
    "kubernetes": _kubernetes(_json("403 Forbidden", _status(403, "forbidden"))),
    "kubernetes-open": _kubernetes(_json("200 OK", {"kind": "APIVersions", "versions": ["v1"]})),
    "mongodb": exchanges(_mongodb),
    "mssql": exchanges(_mssql(0)),
    "mssql-tls": exchanges(_mssql(3)),
    "nats": _nats(auth_required=False),
    "nats-password": _nats(auth_required=True),
    "opensearch": web({"GET /": _elasticsearch({"distribution": "opensearch"}, "2.11.1")}),
    "rdp-late": ignores(1, answered=exchanges(_rdp(8, 2))),
    "rdp-mute": ignores(1, 2, answered=exchanges(_rdp(8, 2))),
    "rdp-nla": exchanges(_rdp(8, 2)),
    "rdp-optional": exchanges(_rdp(2, 1, 0)),
    "webmin": web({"GET /": _html(b"<title>Login to Webmin</title>", Server="MiniServ/2.105")}),
    "winrm": web({"POST /wsman": ("200 OK", {"Content-Type": "application/soap+xml"}, _IDENTIFIED)}),
    "winrm-password": web({"POST /wsman": ("401 ", {"Server": "Microsoft-HTTPAPI/2.0"}, b"")}),
}
