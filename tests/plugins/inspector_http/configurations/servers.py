"""Serves the configurations: one process of nginx, Apache httpd and lighttpd each, and an ASGI application.

``python servers.py ADDRESS FOLDER`` runs the latter, and the sites that answer raw bytes; it prints ``ready``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.plugins.inspector_http.configurations.model import Configuration, Reply

_MODULES = Path("/usr/lib/apache2/modules")


@contextmanager
def serving(configurations: Sequence[Configuration], address: str) -> Iterator[None]:
    """All of them, at the address."""
    from tests.plugins.inspector_http.webservers import make_certificates

    starters = {"nginx": _nginx, "apache": _apache, "lighttpd": _lighttpd}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if os.geteuid() == 0:
            folder.chmod(0o755)
        make_certificates(folder)
        for server, start in starters.items():
            if chosen := [each for each in configurations if each.server == server]:
                stack.enter_context(start(chosen, address, folder))
        if chosen := [each for each in configurations if each.server in ("asgi", "raw")]:
            stack.enter_context(_python(chosen, address, folder))
        yield


def _pem(configuration: Configuration, folder: Path, kind: str) -> Path:
    return folder / f"{configuration.entry.certificate}{kind}.pem"


def _quoted(text: str, origin: str) -> str:
    """A string of nginx, Apache and lighttpd, which all escape alike."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text.replace("{origin}", origin)}"'


# --- nginx -----------------------------------------------------------------------------------------------------------

_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; server_tokens off; default_type text/html;
  {servers}
}}
"""


@contextmanager
def _nginx(chosen: Sequence[Configuration], address: str, folder: Path) -> Iterator[None]:
    from tests.plugins.inspector_services.servers import installed, running

    path = folder / "nginx.conf"
    servers = "\n".join(_nginx_server(each, address, folder) for each in chosen)
    path.write_text(_NGINX.format(folder=folder, servers=servers), "utf-8")
    with running([installed("nginx"), "-c", str(path), "-e", "stderr"], address, chosen[-1].port):
        yield


def _nginx_server(configuration: Configuration, address: str, folder: Path) -> str:
    entry = configuration.entry
    options = f"{' ssl' if entry.scheme == 'https' else ''}{' http2' if entry.http2 else ''}"
    lines = [f"listen {address}:{configuration.port}{options};", "server_name web.test;"]
    if configuration.entry.scheme == "https":
        lines.append(f"ssl_certificate {_pem(configuration, folder, 'cert')};")
        lines.append(f"ssl_certificate_key {_pem(configuration, folder, 'key')};")
    lines.append(configuration.entry.extra.replace("{folder}", str(folder)))
    for path, reply in configuration.entry.replies().items():
        fields = " ".join(
            f"add_header {name} {_quoted(value, '$http_origin')} always;"
            for name, value in reply.fields(configuration.port)
            if name != "Location"
        )
        location = dict(reply.fields(configuration.port)).get("Location")
        what = f"return {reply.code} {_quoted(location or reply.body, '')};"
        lines.append(f"location = {path} {{ default_type {_quoted(reply.type or '', '')}; {fields} {what} }}")
    if "location / " not in configuration.entry.extra:
        lines.append("location / { return 404; }")
    site = f"server {{ {' '.join(lines)} }}"
    if not entry.other_site:
        return site
    other = " ".join(f"{name} {folder}/other_name{kind};" for name, kind in _CERTIFICATE_FILES.items())
    return (
        f"server {{ listen {address}:{configuration.port}{options} default_server; {other}"
        f' location / {{ return 200 "another site"; }} }} {site}'
    )


_CERTIFICATE_FILES = {"ssl_certificate": "cert.pem", "ssl_certificate_key": "key.pem"}


# --- Apache httpd ----------------------------------------------------------------------------------------------------


@contextmanager
def _apache(chosen: Sequence[Configuration], address: str, folder: Path) -> Iterator[None]:
    from tests.plugins.inspector_services.servers import installed, running

    modules = (
        "mpm_event",
        "authz_core",
        "dir",
        "mime",
        "headers",
        "alias",
        "ssl",
        "socache_shmcb",
        "rewrite",
        "status",
        "http2",
    )
    lines = [f"LoadModule {each}_module {_MODULES}/mod_{each}.so" for each in modules]
    lines += ["ServerName web.test", "ServerTokens Prod", f"PidFile {folder}/apache.pid", f"ErrorLog {folder}/errors"]
    lines += [f"DefaultRuntimeDir {folder}", "TypesConfig /etc/mime.types", "DirectoryIndex index.html"]
    lines += ["TraceEnable Off", "FileETag None", "SSLSessionCache none"]
    for each in chosen:
        lines += _apache_site(each, address, folder)
    path = folder / "apache.conf"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    with running([installed("apache2"), "-X", "-f", str(path)], address, chosen[-1].port):
        yield


def _apache_site(configuration: Configuration, address: str, folder: Path) -> Iterator[str]:
    root = folder / configuration.id
    yield f"Listen {address}:{configuration.port}"
    yield f"<VirtualHost {address}:{configuration.port}>"
    yield f"DocumentRoot {root}"
    if configuration.entry.scheme == "https":
        yield "SSLEngine on"
        yield f"SSLCertificateFile {_pem(configuration, folder, 'cert')}"
        yield f"SSLCertificateKeyFile {_pem(configuration, folder, 'key')}"
        yield f"Protocols {'h2 ' if configuration.entry.http2 else ''}http/1.1"
    for path, reply in configuration.entry.replies().items():
        _write(root, path, reply)
        yield f'<LocationMatch "^{path}(index\\.html)?$">'
        if reply.type:
            yield f"ForceType {_quoted(reply.type, '')}"
        for name, value in reply.fields(configuration.port):
            if name != "Location":
                yield f"Header always add {name} {_apache_value(value)}"
        yield "</LocationMatch>"
        if reply.redirect:
            target = dict(reply.fields(configuration.port))["Location"]
            yield f'RedirectMatch {reply.code} "^{path}$" "{target}"'
    yield configuration.entry.extra
    yield "</VirtualHost>"


def _apache_value(value: str) -> str:
    if "{origin}" in value:
        return f'"expr={value.replace("{origin}", "%{req:Origin}")}"'
    return _quoted(value.replace("%", "%%"), "")


def _write(root: Path, path: str, reply: Reply) -> None:
    """The file that is served at a path."""
    file = root / (f"{path}index.html" if path.endswith("/") else path).lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(reply.body, "utf-8")


# --- lighttpd --------------------------------------------------------------------------------------------------------


@contextmanager
def _lighttpd(chosen: Sequence[Configuration], address: str, folder: Path) -> Iterator[None]:
    from tests.plugins.inspector_services.servers import installed, running

    first = chosen[0]
    lines = ['server.modules = ("mod_setenv", "mod_redirect", "mod_access", "mod_openssl", "mod_alias")']
    lines += [f'server.document-root = "{folder}"', f'server.bind = "{address}"', f"server.port = {first.port}"]
    lines += ['index-file.names = ("index.html")', 'server.tag = "lighttpd"', f'server.errorlog = "{folder}/lighttpd"']
    lines += ['server.feature-flags += ("server.h2proto" => "disable")']
    for each in chosen:
        lines += _lighttpd_site(each, address, folder)
    path = folder / "lighttpd.conf"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    with running([installed("lighttpd"), "-D", "-f", str(path)], address, chosen[-1].port):
        yield


def _lighttpd_site(configuration: Configuration, address: str, folder: Path) -> Iterator[str]:
    root = folder / configuration.id
    yield f'$SERVER["socket"] == "{address}:{configuration.port}" {{'
    yield f'server.document-root = "{root}"'
    if configuration.entry.scheme == "https":
        yield 'ssl.engine = "enable"'
        yield f'ssl.pemfile = "{_pem(configuration, folder, "cert")}"'
        yield f'ssl.privkey = "{_pem(configuration, folder, "key")}"'
    for path, reply in configuration.entry.replies().items():
        _write(root, path, reply)
        yield f'$HTTP["url"] == "{path}" {{'
        fields = [(name, value) for name, value in reply.fields(configuration.port) if name != "Location"]
        yield "setenv.add-response-header = ("
        yield ", ".join(f"{_quoted(name, '')} => {_quoted(value, '')}" for name, value in fields)
        yield ")"
        yield f'mimetype.assign = ("" => {_quoted(reply.type or "", "")})'
        if reply.redirect:
            yield f'url.redirect = ("" => "{dict(reply.fields(configuration.port))["Location"]}")'
            yield f"url.redirect-code = {reply.code}"
        yield "}"
    yield configuration.entry.extra
    yield "}"


# --- an ASGI application, and raw bytes ------------------------------------------------------------------------------


@contextmanager
def _python(chosen: Sequence[Configuration], address: str, folder: Path) -> Iterator[None]:
    sites = [
        {
            "port": each.port,
            "certificate": each.entry.certificate if each.entry.scheme == "https" else None,
            "raw": each.entry.raw,
            "replies": {
                path: {
                    "status": reply.code,
                    "headers": [
                        *([("Content-Type", reply.type)] if reply.type is not None else []),
                        *reply.fields(each.port),
                    ],
                    "body": reply.body,
                }
                for path, reply in each.entry.replies().items()
            },
        }
        for each in chosen
    ]
    (folder / "sites.json").write_text(json.dumps(sites), "utf-8")
    command = [sys.executable, __file__, address, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def application(site: Message) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """An ASGI application that gives the replies of a site."""

    async def app(scope: Message, _receive: Receive, send: Send) -> None:
        replies = site["replies"]
        missing = replies.get("*", {"status": 404, "headers": [], "body": "<p>?</p>"})
        reply = replies.get(scope["path"], missing)
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        headers = [
            (name.encode(), value.replace("{origin}", origin).encode())
            for name, value in reply["headers"]
            if "{origin}" not in value or origin
        ]
        await send({"type": "http.response.start", "status": reply["status"], "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply["body"].encode()})

    return app


async def _answer(site: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request over HTTP/1.1, given to the application; a site with ``raw`` answers that."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    if site["raw"]:
        writer.write(site["raw"].replace("\n", "\r\n").encode("latin-1"))
        return
    method, target, _ = head[0].decode("latin-1").split(" ", 2)
    headers = [(name.lower(), value.strip()) for name, _, value in (each.partition(b":") for each in head[1:] if each)]
    scope = {"type": "http", "method": method, "path": target.partition("?")[0], "headers": headers}

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
            lines += [b"%s: %s" % each for each in message["headers"]]
            writer.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]))
        else:
            writer.write(message["body"])

    await application(site)(scope, receive, send)


async def _serve(address: str, folder: Path) -> None:
    servers = []
    for site in json.loads((folder / "sites.json").read_text("utf-8")):
        context = None
        if site["certificate"] is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            name = site["certificate"]
            context.load_cert_chain(folder / f"{name}cert.pem", folder / f"{name}key.pem")

        async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, site: Message = site) -> None:
            with contextlib.suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError
            ):
                await _answer(site, reader, writer)
                await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(habit, address, site["port"], ssl=context))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
