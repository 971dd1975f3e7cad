"""The STARTTLS probes on running servers: real ones, ones written from the RFCs, and hostile ones."""

from __future__ import annotations

import getpass
import os
import pwd
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import Cause
from inspector.testing import ProbeRun, run_probe
from inspector_tls.starttls.injection import INJECTED
from inspector_tls.starttls.observations import StartTls, StartTlsInjection, TlsReadiness
from inspector_tls.starttls.probes import starttls, starttls_injection
from tests.agreement import programs
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, Habit, speaking

Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A certificate and its key."""
    return issue("www.example.vn", dns=["www.example.vn"]).write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def context(files: Files) -> ssl.SSLContext:
    """The server's side of TLS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made


def offered(scheme: str, port: int, *, seconds: int = 10) -> ProbeRun:
    """The result of the polite probe."""
    return run_probe(starttls, f"{scheme}://www.example.vn:{port}", negotiation_seconds=seconds)


def injected(scheme: str, port: int) -> ProbeRun:
    """The result of the intrusive probe."""
    return run_probe(starttls_injection, f"{scheme}://www.example.vn:{port}", negotiation_seconds=10)


# --- responders -------------------------------------------------------------------------------------------------------


def test_every_injectable_protocol_is_tried() -> None:
    """Every protocol into which a command is injected has a server here."""
    assert {scheme.name for scheme in INJECTED} == set(SCRIPTS)


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_command_that_is_kept(scheme: str, context: ssl.SSLContext) -> None:
    """A server that carries out inside TLS what was sent in clear text is seen, by one connection."""
    with servers.answering(speaking(SCRIPTS[scheme], context, Habit.KEEPS)) as port:
        scan = injected(scheme, port)
    assert scan.seen(StartTlsInjection).carried_out.seen is True
    assert len(scan.ledger) == 1


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_command_that_is_discarded(scheme: str, context: ssl.SSLContext) -> None:
    """A server that discards what came in clear text is seen to answer the closing command alone."""
    with servers.answering(speaking(SCRIPTS[scheme], context)) as port:
        assert offered(scheme, port).seen(StartTls).readiness is TlsReadiness.OFFERED
        scan = injected(scheme, port)
    assert scan.seen(StartTlsInjection).carried_out.seen is False
    assert len(scan.ledger) == 1


@pytest.mark.parametrize("habit", [Habit.HANDSHAKES, Habit.DECLINES])
@pytest.mark.parametrize("scheme", SCRIPTS)
def test_command_that_prevents_tls(scheme: str, habit: Habit, context: ssl.SSLContext) -> None:
    """A server that begins no TLS after an injected command but does without it has discarded the command."""
    with servers.answering(speaking(SCRIPTS[scheme], context, habit)) as port:
        scan = injected(scheme, port)
    seen = scan.seen(StartTlsInjection)
    assert (seen.readiness, seen.carried_out.seen) == (TlsReadiness.OFFERED, False)
    assert len(scan.ledger) == 2


def test_reset_is_inconclusive(context: ssl.SSLContext) -> None:
    """A server that resets the connection after an injected command, twice, has not shown whether it is carried out."""
    with servers.answering(speaking(SCRIPTS["smtp"], context, Habit.RESETS)) as port:
        scan = injected("smtp", port)
    assert scan.seen(StartTlsInjection).carried_out.unseen is Cause.RESET
    assert len(scan.ledger) == 2


def _says(*lines: bytes) -> servers.Answer:
    def answer(connection: servers.socket.socket) -> None:
        for line in lines:
            connection.sendall(line)
            connection.recv(4096)

    return answer


@pytest.mark.parametrize(("count", "carried_out", "cause"), [(1, True, None), (2, None, Cause.PROTOCOL_ERROR)])
def test_end_before_the_request(
    count: int, carried_out: bool | None, cause: Cause | None, context: ssl.SSLContext
) -> None:
    """A server that ends the connection before the command was sent has not discarded it: it is sent again."""
    keeping = speaking(SCRIPTS["smtp"], context, Habit.KEEPS)
    with servers.answering(servers.first_and_then(_says(b"220 x\r\n"), keeping, count)) as port:
        scan = injected("smtp", port)
    seen = scan.seen(StartTlsInjection)
    assert (seen.carried_out.seen, seen.carried_out.unseen) == (carried_out, cause)
    assert len(scan.ledger) == count + 1


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (servers.silent, Cause.TIMEOUT),
        (servers.resetting, Cause.RESET),
        (_says(b"220 x\r\n"), Cause.PROTOCOL_ERROR),
        (_says(b"421 full\r\n"), Cause.RATE_LIMITED),
        (_says(b"220 x\r\n", b"451 later\r\n"), Cause.REFUSED),
        (_says(b"SSH-2.0-x\r\n"), Cause.PROTOCOL_ERROR),
    ],
)
def test_no_answer_is_a_failure(answer: servers.Answer, cause: Cause) -> None:
    """A timeout, a reset, an end without a reply, a ban, a delay and other protocols give no observation."""
    with servers.answering(answer) as port:
        scheme = "smtp" if answer is not servers.resetting else "ldap"
        scan = offered(scheme, port, seconds=1 if cause is Cause.TIMEOUT else 10)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause


def test_the_reply_is_kept_and_escaped(context: ssl.SSLContext) -> None:
    """The reply that declines TLS is kept, without control characters and without words that no protocol has."""
    with servers.answering(_says(b"220 x\r\n", b"502 \x1b[31mno\r\n")) as port:
        seen = offered("smtp", port).seen(StartTls)
    assert seen.readiness is TlsReadiness.NOT_OFFERED
    assert "502 \\x1b[00xxx" in seen.reply


# --- real servers -----------------------------------------------------------------------------------------------------


def _dovecot(folder: Path, files: Files, ports: dict[str, int]) -> Path:
    me = getpass.getuser() if os.geteuid() else "nobody"
    ids = pwd.getpwnam(me)
    own = f"default_login_user = {me}\ndefault_internal_user = {me}\n" if os.geteuid() else ""
    logins = "".join(
        f"service {name}-login {{\n chroot =\n inet_listener {name} {{\n port = {port}\n }}\n"
        f" inet_listener {name}s {{\n port = 0\n }}\n}}\n"
        for name, port in ports.items()
    )
    configuration = folder / "dovecot.conf"
    settings = programs.dovecot_settings(folder, *files, ports, ids=f"{ids.pw_uid} {ids.pw_gid}")
    configuration.write_text(f"{settings}{own}{logins}")
    return configuration


@pytest.fixture(scope="module")
def dovecot(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Dovecot's ports for IMAP and POP3."""
    ports = {"imap": servers.free_port(), "pop3": servers.free_port()}
    configuration = _dovecot(tmp_path_factory.mktemp("dovecot"), files, ports)
    with servers.running(("dovecot", "-F", "-c", configuration), ports["imap"]):
        yield ports


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_dovecot(scheme: str, dovecot: dict[str, int]) -> None:
    """Dovecot begins TLS and discards what was sent before."""
    port = dovecot[scheme]
    assert offered(scheme, port).seen(StartTls).readiness is TlsReadiness.OFFERED
    assert injected(scheme, port).seen(StartTlsInjection).carried_out.seen is False


@pytest.mark.parametrize("secure", ["YES", "NO"])
def test_vsftpd(secure: str, files: Files, tmp_path: Path) -> None:
    """vsftpd begins TLS where it is enabled, and answers so where it is not."""
    port = servers.free_port()
    configuration = tmp_path / "vsftpd.conf"
    configuration.write_text(
        f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\n"
        f"ssl_enable={secure}\nrsa_cert_file={files[0]}\nrsa_private_key_file={files[1]}\nseccomp_sandbox=NO\n"
        f"run_as_launching_user=YES\nsecure_chroot_dir={tmp_path}\n"
    )
    with servers.running(("vsftpd", configuration), port):
        scan, inside = offered("ftp", port).seen(StartTls), injected("ftp", port).seen(StartTlsInjection)
    if secure == "YES":
        assert (scan.readiness, inside.carried_out.seen) == (TlsReadiness.OFFERED, False)
    else:
        assert (scan.readiness, inside.readiness) == (TlsReadiness.NOT_OFFERED, TlsReadiness.NOT_OFFERED)
        assert not inside.carried_out.is_seen
