"""Habits of servers that Debian does not have, after their vendors' documents of protocol and interface.

Elasticsearch and OpenSearch ("Root API"), Docker ("Engine API", ``/version``), Kubernetes ("Authenticating",
``/version``, ``/api``), Consul ("Status HTTP API"), CouchDB ("/"), MongoDB ("Wire Protocol"), Cassandra ("CQL binary
protocol v4"), Kafka ("Protocol"), SQL Server ([MS-TDS]), RabbitMQ (AMQP 0-9-1), NATS ("Client protocol"), RDP with
network level authentication ([MS-RDPBCGR]), WinRM ([MS-WSMV]), and pages of administration products.
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

HABITS: dict[str, Habit] = {
    "alternating": alternates(b"SSH-2.0-OpenSSH_9.2p1\r\n", b"+OK POP3 ready\r\n"),
    "amqp": exchanges(_amqp(b"PLAIN AMQPLAIN")),
    "amqp-anonymous": exchanges(_amqp(b"ANONYMOUS PLAIN")),
    "cassandra": exchanges(_cql(6, b"\x00\x00"), _cql(2)),
    "cassandra-password": exchanges(_cql(6, b"\x00\x00"), _cql(3, b"\x00\x00")),
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
    "rdp-nla": exchanges(_rdp(8, 2)),
    "rdp-optional": exchanges(_rdp(2, 1, 0)),
    "webmin": web({"GET /": _html(b"<title>Login to Webmin</title>", Server="MiniServ/2.105")}),
    "winrm": web({"POST /wsman": ("200 OK", {"Content-Type": "application/soap+xml"}, _IDENTIFIED)}),
    "winrm-password": web({"POST /wsman": ("401 ", {"Server": "Microsoft-HTTPAPI/2.0"}, b"")}),
}
