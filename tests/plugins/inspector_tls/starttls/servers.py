"""Real servers behind STARTTLS, each started with a certificate of the test's choice."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes

from tests.agreement import programs
from tests.agreement.environment import Files, Place, ServerPlaces
from tests.agreement.expected import Start
from tests.plugins.inspector_tls.authority import Identity

#: By scheme: how a server is started, and what ``openssl s_client -starttls`` calls the protocol (empty: it cannot).
FIELD: Final[dict[str, tuple[Start, str]]] = {
    "smtp": (programs.postfix(), "smtp"),
    "imap": (programs.dovecot("imap", 143), "imap"),
    "pop3": (programs.dovecot("pop3", 110), "pop3"),
    "sieve": (programs.dovecot("sieve", 4190), "sieve"),
    "lmtp": (programs.dovecot("lmtp", 24), "lmtp"),
    "ftp": (programs.vsftpd(), "ftp"),
    "ldap": (programs.slapd(), "ldap"),
    "postgresql": (programs.postgres(), "postgres"),
    "mysql": (programs.mariadb(), "mysql"),
    "nntp": (programs.own("nntp", port=119), "nntp"),
    "xmpp-client": (programs.own("xmpp", port=5222), "xmpp"),
    "xmpp-server": (programs.own("xmpp-server", port=5269), "xmpp-server"),
    "rdp": (programs.own("rdp", port=3389), ""),
}


#: Dovecot takes clients of these networks for secured, as those at its own address.
_TRUSTED = "login_trusted_networks = 127.0.0.0/8"
_SASL = ("smtpd_sasl_auth_enable = yes", "smtpd_sasl_security_options = noanonymous")
#: Servers that differ in the log-ins that they offer before TLS: the scheme, and how the server is started.
LOGIN_SERVERS: Final[dict[str, tuple[str, Start]]] = {
    "postfix-login": ("smtp", programs.postfix(*_SASL)),
    "postfix-login-in-tls": ("smtp", programs.postfix(*_SASL, "smtpd_tls_auth_only = yes")),
    "postfix-no-login": ("smtp", programs.postfix()),
    "dovecot-imap-login": ("imap", programs.dovecot("imap", 143, _TRUSTED)),
    "dovecot-imap-login-in-tls": ("imap", programs.dovecot("imap", 143, "ssl = required")),
    "dovecot-pop3-login": ("pop3", programs.dovecot("pop3", 110, _TRUSTED)),
    "dovecot-pop3-login-in-tls": ("pop3", programs.dovecot("pop3", 110, "ssl = required")),
    "dovecot-sieve-login": ("sieve", programs.dovecot("sieve", 4190, _TRUSTED)),
    "dovecot-sieve-login-in-tls": ("sieve", programs.dovecot("sieve", 4190, "ssl = required")),
    "vsftpd": ("ftp", programs.vsftpd()),
}


@contextlib.contextmanager
def serving(place: Place, scheme: str, identity: Identity, start: Start | None = None) -> Iterator[int]:
    """A server of this protocol (or what ``start`` starts) in this folder with this identity, and its port."""
    place.folder.chmod(0o755)
    certificate, key = identity.write(place.folder, "shown")
    for each in (certificate, key):
        each.chmod(0o644)  # some servers read them as another user
    shown = Files(certificate, key, identity.certificate.fingerprint(hashes.SHA256()).hex())
    start = start or FIELD[scheme][0]
    with start(replace(place, keys={"rsa": shown})) as port:  # type: ignore[arg-type]  # one identity is enough
        yield port


@contextlib.contextmanager
def staged() -> Iterator[ServerPlaces]:
    """A folder that every server's user can read, outside the private folders of pytest."""
    with tempfile.TemporaryDirectory(prefix="field-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield ServerPlaces(Path(folder))
