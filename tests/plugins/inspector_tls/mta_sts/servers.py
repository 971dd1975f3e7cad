"""Mail domains below ``sts.test`` that differ in MTA-STS: their zone on BIND, their policy hosts on nginx."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.agreement.environment import Place, running
from tests.plugins.inspector_dns.named import ZoneSet, serve
from tests.plugins.inspector_tls.authority import Identity

ENFORCED = "version: STSv1\\r\\nmode: enforce\\r\\nmx: *.sts.test\\r\\nmax_age: 604800\\r\\n"
TESTING = ENFORCED.replace("enforce", "testing")
WITHDRAWN = "version: STSv1\\nmode: none\\nmax_age: 86400\\n"
OTHER = ENFORCED.replace("*.sts.test", "mx.example.vn")
DEEP = ENFORCED.replace("*.sts.test", "*.test")
#: How nginx serves a policy.
LOCATION = "location = /.well-known/mta-sts.txt"


def served(policy: str, more: str = "default_type text/plain;") -> str:
    """The directives that serve a policy."""
    return f"{LOCATION} {{ {more} return 200 '{policy}'; }}"


@dataclass(frozen=True)
class Domain:
    """One mail domain: its MX host, the directives of its policy host, and its TXT record at ``_mta-sts``."""

    mx: str = "good"
    policy: str = served(ENFORCED)
    record: str = '"v=STSv1; id=20260101;"'
    certificate: str = "good"


#: Every name is a domain below ``sts.test``.
DOMAINS: Mapping[str, Domain] = {
    "conforming": Domain(),
    "expired": Domain(mx="expired"),
    "other-name": Domain(mx="other-name"),
    "self-signed": Domain(mx="self-signed"),
    "without-tls": Domain(mx="without-tls"),
    "testing": Domain(mx="expired", policy=served(TESTING)),
    "testing-conforming": Domain(policy=served(TESTING)),
    "withdrawn": Domain(mx="expired", policy=served(WITHDRAWN)),
    "other-pattern": Domain(policy=served(OTHER)),
    "deep-pattern": Domain(policy=served(DEEP)),
    "with-tlsa": Domain(mx="with-tlsa"),
    "without-record": Domain(mx="expired", record=""),
    "two-records": Domain(mx="expired", record='"v=STSv1; id=1;"\n_mta-sts.two-records TXT "v=STSv1; id=2;"'),
    "without-id": Domain(mx="expired", record='"v=STSv1;"'),
    "split-record": Domain(mx="expired", record='"v=STS" "v1; id=" "1"'),
    "redirected": Domain(
        mx="expired", policy=f"{LOCATION} {{ return 302 https://mta-sts.conforming.sts.test/.well-known/mta-sts.txt; }}"
    ),
    "as-html": Domain(mx="expired", policy=served(ENFORCED, "default_type text/html;")),
    "too-long": Domain(mx="expired", policy=f"{LOCATION} {{ default_type text/plain; alias LONG; }}"),
    "without-age": Domain(mx="expired", policy=served("version: STSv1\\nmode: enforce\\nmx: *.sts.test\\n")),
    "untrusted-policy": Domain(mx="expired", certificate="self-signed"),
    "expired-policy": Domain(mx="expired", certificate="expired"),
    "not-receiving": Domain(mx="."),
    "implicit": Domain(mx=""),
}
#: The MX hosts besides ``good``; all are ``NAME-mx.sts.test``.
SERVERS = ("good", "expired", "other-name", "self-signed", "without-tls", "with-tlsa")


def records(domains: Mapping[str, Domain], addresses: Mapping[str, str], policy_address: str) -> str:
    """The zone ``sts.test``: where each MX host is, and all policy hosts."""
    lines = ["@ NS ns1.test."]
    lines += [f"{name}-mx A {address}" for name, address in addresses.items()]
    lines.append('_25._tcp.with-tlsa-mx TLSA 3 1 1 "00"'.replace('"00"', "00" * 32))
    for name, domain in domains.items():
        lines.append(f"mta-sts.{name} A {policy_address}")
        target = "." if domain.mx == "." else f"{domain.mx}-mx"
        lines.append(f"{name} MX 10 {target}" if domain.mx else f"{name} A {addresses['good']}")
        if domain.record:
            lines.append(f"_mta-sts.{name} TXT {domain.record}")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def named(folder: Path, zone: str, port: int) -> Iterator[None]:
    """BIND that serves this zone and those above it at this port."""
    zones = ZoneSet(folder)
    zones.add("sts.test", zone)
    zones.add("test", "@ NS ns1.test.\nns1 A 127.0.0.1\nsts NS ns1.test.\n")
    zones.add(".", "@ NS ns1.test.\ntest. NS ns1.test.\nns1.test. A 127.0.0.1\n")
    with serve(folder / "named", zones.zones, port):
        yield


@contextlib.contextmanager
def policy_hosts(
    place: Place, port: int, domains: Mapping[str, Domain], identities: Mapping[str, Identity]
) -> Iterator[int]:
    """nginx as the policy host of every domain, with the certificate that each names."""
    (place.folder / "long.txt").write_text("version: STSv1\n" + "x: y\n" * 20_000)
    files = {name: identity.write(place.folder, name) for name, identity in identities.items()}
    blocks = "".join(
        f"server {{ listen {place.address}:{port} ssl; server_name mta-sts.{name}.sts.test;"
        f" ssl_certificate {files[domain.certificate][0]}; ssl_certificate_key {files[domain.certificate][1]};"
        f" {domain.policy.replace('LONG', str(place.folder / 'long.txt'))} }}\n"
        for name, domain in domains.items()
    )
    temporary = " ".join(
        f"{each}_temp_path {place.folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = place.folder / "nginx.conf"
    configuration.write_text(
        f"user root; daemon off; master_process off; pid {place.folder}/pid; error_log stderr crit;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off; {temporary}\n"
        f"server_names_hash_bucket_size 128;\n{blocks} }}\n"
    )
    with running(("nginx", "-c", configuration, "-e", "stderr", "-p", place.folder), place, port) as listening:
        yield listening
