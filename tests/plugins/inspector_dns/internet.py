"""A private internet in a network namespace: a signed root, the zone ``vn``, zones with planted faults, a resolver.

Most authoritative servers are views of one BIND, told apart by the address that is asked; NSD serves what BIND does not
load; the resolver is Unbound.
Addresses look like global ones, so that nothing is refused for being of a private network.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.agreement.environment import program
from tests.line.harness import network
from tests.plugins.inspector_dns.named import Signing, ZoneSet, programs

RESOLVER = "11.0.0.53"
ROOT = "11.0.0.1"
TOP = ("11.0.1.1", "11.0.2.1")
TOP_SIX = "2a0b:53::1"
#: Name servers of the hosting company ``host.vn``, with their addresses.
HOSTS = {
    "ns1": ("11.1.0.1", "2a0b:1::1"),
    "ns2": ("11.2.0.1", "2a0b:2::1"),
    "ns3": ("11.3.0.1",),
    "lame": ("11.4.0.1",),
    "dead": ("11.5.0.1",),
    "silent": ("11.6.0.1",),
    "old": ("11.7.0.1",),
    "tcpless": ("11.8.0.1",),
    "formerr": ("11.9.0.1",),
    "droppy": ("11.10.0.1",),
    "near1": ("11.11.0.1",),
    "near2": ("11.11.0.2",),
    "open": ("11.12.0.1",),
    "claims": ("11.15.0.1",),
    "split": ("11.13.0.1", "10.9.9.9"),
    "moved": ("11.14.0.1",),
    "nsd1": ("11.16.0.1",),
    "nsd2": ("11.17.0.1",),
    "plain": ("11.18.0.1",),
    "talks": ("11.19.0.1",),
    "gives": ("11.20.0.1",),
    "six1": ("2a0b:3::1",),
    "six2": ("2a0b:4::1",),
    "loop": ("11.21.0.1", "127.0.0.9"),
    "broken": ("11.22.0.1",),
    **{f"many{number}": (f"11.{30 + number}.0.1",) for number in range(1, 14)},
}
#: Those that are views of their own; every other one is at the view of ``ns1``.
SECOND_VERSION = "old"
#: Of hosts below ``dual.vn``: the IPv4 address, and the IPv6 address of each. At ``refusing`` nobody listens, to
#: ``silent`` nothing is delivered.
WEB = ("11.3.0.80", {"answering": "2a0b:1::80", "refusing": "2a0b:1::81", "silent": "2a0b:1::82"})
SOUND = "ns1.host.vn. hostmaster.host.vn. 7 14400 3600 1209600 3600"
SIGNED = Signing(algorithm="ED25519")
_DAYS_OF_EXPIRY = "ns1.host.vn. hostmaster.host.vn. 7 14400 3600 86400 3600"


@dataclass(frozen=True)
class PlantedZone:
    """A zone below ``vn``: the name servers that its parent and that itself name, its records, and what must fail.

    ``glue``: records at the parent; ``second``: the records on the server ``old`` instead, or its serial number alone,
    ``second_keys``: signed by other keys;
    ``ds``: which DS records the parent has (``_Views._signers``); ``change``: what is replaced once the zone is signed;
    ``either``: the checks whose verdict depends on which question comes first.
    """

    name: str
    failing: frozenset[str] = frozenset()
    delegated: tuple[str, ...] = ("ns1.host.vn.", "ns2.host.vn.")
    named: tuple[str, ...] | None = None
    records: str = ""
    glue: str = ""
    second: str | None = None
    soa: str = SOUND
    ttl: int = 7200
    ds: str = ""
    change: tuple[str, str] | None = None
    signing: Signing | None = SIGNED
    unclear: frozenset[str] = frozenset()
    either: frozenset[str] = frozenset()
    second_keys: bool = False

    @property
    def own(self) -> tuple[str, ...]:
        """The name servers that the zone names."""
        return self.delegated if self.named is None else self.named


def _zone(name: str, *failing: str, unclear: Sequence[str] = (), **more: object) -> PlantedZone:
    return PlantedZone(f"{name}.vn", frozenset(failing), unclear=frozenset(unclear), **more)  # type: ignore[arg-type]


def _by(*hosts: str) -> tuple[str, ...]:
    return tuple(f"{host}.host.vn." for host in hosts)


_INSIDE = ("ns1.{0}.vn.", "ns2.{0}.vn.")
_MAIL = '@ MX 10 mx.clean.vn.\n@ TXT "v=spf1 mx -all"\n'
_NSD = _by("nsd1", "nsd2")
_WEB = "www A 11.3.0.80\nwww AAAA 2a0b:1::80\n"


def _inside(name: str) -> tuple[str, ...]:
    return tuple(each.format(name) for each in _INSIDE)


_DELEGATION = ("delegation-consistent", "glue-consistent")
#: The checks of what every name server answers, and those of the records that resolvers find.
_ANSWERS = (
    "dnssec-keys-agree",
    "name-servers-agree",
    "name-servers-refuse-recursion",
    "name-servers-support-edns",
    "soa-serials-agree",
)
_RECORDS = (
    "name-servers-have-public-addresses",
    "name-servers-in-several-networks",
    "name-servers-redundant",
    "soa-values-sound",
)
#: The checks of signatures, and others that need the zone itself.
_SIGNATURES = (
    "cds-consistent",
    "dnssec-algorithms-strong",
    "dnssec-denial-valid",
    "dnssec-signatures-fresh",
    "nsec3-parameters-sound",
)
_UNSEEN_SIGNATURES = ("cds-consistent", "dnssec-algorithms-strong", "dnssec-signatures-fresh")
_CONTENTS = ("mail-hosts-have-reverse-names", "no-wildcard-addresses")
_EXPOSED = ("name-server-version-hidden", "zone-transfer-refused")
_SERVED = ("name-servers-support-cookies", "ns-ttl-sound")


def _signing(**more: object) -> Signing:
    return Signing(**{"algorithm": "ED25519", **more})  # type: ignore[arg-type]


_ALL = (
    *_DELEGATION,
    *_ANSWERS,
    *_RECORDS,
    *_SIGNATURES,
    *_CONTENTS,
    *_SERVED,
    *_EXPOSED,
    "dnssec-valid",
    "name-servers-answer",
)

#: Every zone has one planted fault or none; what else follows from the fault is listed, too.
ZONES: tuple[PlantedZone, ...] = (
    _zone("clean", records=_MAIL + "mx A 11.3.0.25\n"),
    _zone("sub.clean", records=_MAIL, unclear=_DELEGATION),  # the servers of the parent serve it, too
    _zone(
        "inside",
        delegated=_inside("inside"),
        records="ns1 A 11.1.0.1\nns1 AAAA 2a0b:1::1\nns2 A 11.2.0.1\n",
        glue="ns1.inside.vn. A 11.1.0.1\nns1.inside.vn. AAAA 2a0b:1::1\nns2.inside.vn. A 11.2.0.1\n",
    ),
    _zone(
        "staleglue",
        "glue-consistent",
        delegated=_inside("staleglue"),
        records="ns1 A 11.1.0.1\nns2 A 11.2.0.1\n",
        glue="ns1.staleglue.vn. A 11.1.0.1\nns2.staleglue.vn. A 11.3.0.1\n",
    ),
    _zone(
        "noglue",
        "glue-consistent",
        delegated=("ns1.host.vn.", "ns2.noglue.vn."),
        records="ns2 A 11.2.0.1\n",
    ),
    _zone("parentmore", "delegation-consistent", delegated=_by("ns1", "ns2", "ns3"), named=_by("ns1", "ns2")),
    _zone("childmore", "delegation-consistent", delegated=_by("ns1", "ns2"), named=_by("ns1", "ns2", "ns3")),
    _zone("lame", "name-servers-answer", delegated=_by("ns1", "ns2", "lame")),
    _zone(
        "lameparent",
        "name-servers-answer",
        "delegation-consistent",
        delegated=_by("ns1", "ns2", "lame"),
        named=_by("ns1", "ns2"),
    ),
    _zone(
        "alllame",
        "name-servers-answer",
        delegated=_by("lame"),
        signing=None,
        unclear=(*_DELEGATION, *_RECORDS, "dnssec-valid", *_UNSEEN_SIGNATURES, *_CONTENTS),
    ),
    _zone("dead", "name-servers-answer", delegated=_by("ns1", "ns2", "dead"), either=frozenset(_EXPOSED)),
    _zone(
        "silent",
        "name-servers-answer",
        delegated=_by("ns1", "ns2", "silent"),
        unclear=("delegation-consistent", *_ANSWERS, *_SERVED, *_EXPOSED),
    ),
    _zone("tcpless", "name-servers-answer", delegated=_by("ns1", "ns2", "tcpless")),
    _zone("serial", "soa-serials-agree", delegated=_by("ns1", "ns2", "old"), second=""),
    _zone(
        "keys",
        "dnssec-keys-agree",
        delegated=_by("ns1", "ns2", "old"),
        second="\n",
        second_keys=True,
        either=frozenset({"dnssec-valid", *_SIGNATURES}),
    ),
    _zone(
        "mx",
        "name-servers-agree",
        delegated=_by("ns1", "ns2", "old"),
        records=_MAIL,
        second='@ MX 10 mx.old.vn.\n@ TXT "v=spf1 mx -all"\n',
        either=frozenset({"mail-hosts-have-reverse-names"}),
    ),
    _zone(
        "spf",
        "name-servers-agree",
        delegated=_by("ns1", "ns2", "old"),
        records=_MAIL,
        second='@ MX 10 mx.clean.vn.\n@ TXT "v=spf1 mx ~all"\n',
    ),
    _zone(
        "formerr",
        "name-servers-support-edns",
        "name-servers-support-cookies",
        delegated=_by("ns1", "ns2", "formerr"),
        unclear=("delegation-consistent", "name-servers-agree", "dnssec-keys-agree", "ns-ttl-sound"),
    ),
    _zone(
        "droppy",
        "name-servers-support-edns",
        delegated=_by("ns1", "ns2", "droppy"),
        unclear=("delegation-consistent", "name-servers-agree", "dnssec-keys-agree", *_SERVED),
    ),
    _zone("open", "name-servers-refuse-recursion", delegated=_by("ns1", "ns2", "open")),
    _zone("claims", delegated=_by("ns1", "ns2", "claims")),  # sets the RA flag, and resolves nothing
    _zone("near", "name-servers-in-several-networks", delegated=_by("near1", "near2")),
    _zone("single", "name-servers-redundant", "name-servers-in-several-networks", delegated=_by("ns3")),
    _zone(
        "split",
        "name-servers-have-public-addresses",
        delegated=_by("ns1", "ns2", "split"),
        unclear=("delegation-consistent", "name-servers-answer", *_ANSWERS, *_SERVED, *_EXPOSED),
    ),
    _zone("expire", "soa-values-sound", soa=_DAYS_OF_EXPIRY),
    _zone("retry", "soa-values-sound", soa="ns1.host.vn. hostmaster.host.vn. 7 3600 3600 1209600 3600"),
    _zone("negative", "soa-values-sound", soa="ns1.host.vn. hostmaster.host.vn. 7 14400 3600 1209600 172800"),
    _zone("unsigned", "dnssec-valid", signing=None),
    _zone("expired", "dnssec-valid", signing=Signing(algorithm="ED25519", start="now-864000", end="now-432000")),
    _zone("alias", "name-servers-answer", delegated=_by("ns1", "ns2", "alias")),
    _zone(
        "gone",
        "name-servers-answer",
        delegated=_by("ns1", "ns2", "gone"),
        unclear=("delegation-consistent", *_ANSWERS, *_SERVED, *_EXPOSED),
    ),
    # DNSSEC
    _zone("nsec3", signing=_signing(nsec3=("-3", "-", "-H", "0"))),
    _zone("optout", signing=_signing(nsec3=("-3", "-", "-H", "0", "-A"))),
    _zone("iterations", "nsec3-parameters-sound", signing=_signing(nsec3=("-3", "-", "-H", "10"))),
    _zone("salt", "nsec3-parameters-sound", signing=_signing(nsec3=("-3", "abcd", "-H", "0"))),
    _zone("manyiterations", "nsec3-parameters-sound", signing=_signing(iterations=150)),
    _zone("denial", "dnssec-denial-valid", change=("NS SOA RRSIG", "A NS SOA RRSIG")),
    _zone(
        "denial3",
        "dnssec-denial-valid",
        signing=_signing(nsec3=("-3", "-", "-H", "0")),
        change=("NS SOA RRSIG", "A NS SOA RRSIG"),
    ),
    _zone("rsa1024", "dnssec-algorithms-strong", signing=Signing(algorithm="RSASHA256", bits=1024)),
    _zone("rsa2048", signing=Signing(algorithm="RSASHA256")),
    _zone("rsasha512", "dnssec-algorithms-strong", signing=Signing(algorithm="RSASHA512")),
    _zone("sha1", "dnssec-valid", "dnssec-algorithms-strong", signing=Signing(algorithm="RSASHA1")),
    _zone("sha1digest", "dnssec-algorithms-strong", ds="sha1"),
    _zone("sha384digest", ds="sha384"),
    _zone("p384", signing=Signing(algorithm="ECDSAP384SHA384")),
    _zone("ed448", signing=Signing(algorithm="ED448")),
    _zone("twoalgorithms", signing=Signing(algorithm="ECDSAP256SHA256", second="ED25519")),
    _zone("separate", signing=Signing(separate=True)),
    _zone("ending", "dnssec-signatures-fresh", signing=_signing(start="now-2592000", end="now+72000")),
    _zone("shortlived", signing=_signing(start="now-43200", end="now+129600")),
    _zone("future", "dnssec-valid", signing=_signing(start="now+432000", end="now+864000")),
    _zone("altered", "dnssec-valid", change=(r"14400( +; refresh)", r"14401\1")),
    _zone("wrongds", "dnssec-valid", ds="wrong"),
    _zone("stripped", "dnssec-valid", signing=None, ds="of nobody"),
    _zone(
        "exotic",
        signing=None,
        ds="unknown",
        unclear=("dnssec-valid", "dnssec-denial-valid", "dnssec-signatures-fresh", "nsec3-parameters-sound"),
    ),
    _zone("rolling", ds="and another"),
    _zone("cds", signing=_signing(child="right")),
    _zone("cdsdelete", signing=_signing(child="delete")),
    _zone("cdsstray", "cds-consistent", signing=_signing(child="stray"), delegated=_NSD),
    _zone("cdsmixed", "cds-consistent", signing=_signing(child="mixed"), delegated=_NSD),
    _zone("cdsdiffering", "cds-consistent", signing=_signing(child="differing"), delegated=_NSD),
    # Contents
    _zone("nsd", records=_WEB, delegated=_NSD),
    _zone("wildcard", "no-wildcard-addresses", records="* A 11.3.0.80\n"),
    _zone("wildcardmail", records="* MX 10 mx.clean.vn.\n"),
    _zone(
        "wildcard3", "no-wildcard-addresses", records="* A 11.3.0.80\n", signing=_signing(nsec3=("-3", "-", "-H", "0"))
    ),
    _zone("brief", "ns-ttl-sound", ttl=300),
    _zone("long", "ns-ttl-sound", ttl=1_000_000),
    _zone("nullmx", records="@ MX 0 .\n"),
    _zone("mxempty", records="@ MX 10 mx\nmx TXT x\n"),
    _zone("mxnoname", "mail-hosts-have-reverse-names", records="@ MX 10 mx\nmx A 11.3.0.26\n"),
    _zone("mxwrongname", "mail-hosts-have-reverse-names", records="@ MX 10 mx\nmx A 11.3.0.27\n"),
    # Servers
    _zone("plain", "name-servers-support-cookies", delegated=_by("ns1", "ns2", "plain")),
    _zone("talks", "name-server-version-hidden", delegated=_by("ns1", "ns2", "talks")),
    _zone("gives", "zone-transfer-refused", delegated=_by("ns1", "ns2", "gives")),
    _zone("six", delegated=_by("six1", "six2")),
    _zone(
        "loopback",
        "name-servers-have-public-addresses",
        delegated=_by("ns1", "ns2", "loop"),
        unclear=("delegation-consistent", "name-servers-answer", *_ANSWERS, *_SERVED, *_EXPOSED),
    ),
    _zone("broken", "name-servers-answer", delegated=_by("ns1", "ns2", "broken"), unclear=_EXPOSED[1:]),
    _zone("many", delegated=_by(*(f"many{number}" for number in range(1, 14)))),
    _zone("below.nonterminal", records=_WEB),
    # Web servers for IPv6, below.
    _zone("dual", records="".join(f"{name} A {WEB[0]}\n{name} AAAA {address}\n" for name, address in WEB[1].items())),
    # Each of the two is found by the other only, and none has glue.
    _zone("circle", delegated=("ns1.other.vn.", "ns2.other.vn."), unclear=_ALL),
    _zone("other", delegated=("ns1.circle.vn.", "ns2.circle.vn."), unclear=_ALL),
)


@dataclass(frozen=True)
class Internet:
    """The running internet: ``wrap`` runs a command in it; ``anchors`` are the root's trust anchors."""

    wrap: list[str]
    anchors: tuple[str, ...]


@dataclass
class _Views:
    """The zones by the name of the host that serves them."""

    folder: Path
    zone_set: ZoneSet = field(init=False)
    second: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.zone_set = ZoneSet(self.folder)

    def build(self) -> None:
        for planted in reversed(ZONES):  # children first
            self._add(planted)
        hosts = "".join(
            f"{host} {'AAAA' if ':' in address else 'A'} {address}\n"
            for host, addresses in HOSTS.items()
            for address in addresses
        )
        own = "@ NS ns1\n@ NS ns2\nalias CNAME ns3\n"
        self.zone_set.add("host.vn", own + hosts, SIGNED, SOUND)
        pointers = "25.0.3 PTR mx.clean.vn.\n27.0.3 PTR mx.clean.vn.\n"
        self.zone_set.add("11.in-addr.arpa", f"@ NS ns1.host.vn.\n@ NS ns2.host.vn.\n{pointers}", None, SOUND)
        below = [each for each in ZONES if not any(each.name.endswith(f".{other.name}") for other in ZONES)]
        delegations = "".join(map(self._delegation, below))
        host_glue = "".join(
            f"{host}.host.vn. {'AAAA' if ':' in address else 'A'} {address}\n"
            for host in ("ns1", "ns2")
            for address in HOSTS[host]
        )
        host = "host.vn. NS ns1.host.vn.\nhost.vn. NS ns2.host.vn.\n" + host_glue + self._ds("host.vn")
        tops = f"@ NS a.dns.vn.\n@ NS b.dns.vn.\na.dns A {TOP[0]}\na.dns AAAA {TOP_SIX}\nb.dns A {TOP[1]}\n"
        self.zone_set.add("vn", tops + delegations + host, SIGNED, SOUND.replace("ns1.host.vn", "a.dns.vn"))
        glue = f"vn. NS a.dns.vn.\nvn. NS b.dns.vn.\na.dns.vn. A {TOP[0]}\nb.dns.vn. A {TOP[1]}\n"
        glue += f"a.dns.vn. AAAA {TOP_SIX}\n"
        glue += "11.in-addr.arpa. NS ns1.host.vn.\n11.in-addr.arpa. NS ns2.host.vn.\n"
        self.zone_set.add(".", f"@ NS a.root.\na.root. A {ROOT}\n" + glue + self._ds("vn"), SIGNED, SOUND)

    def _add(self, planted: PlantedZone) -> None:
        servers = "".join(f"@ NS {name}\n" for name in planted.own)
        children = "".join(self._delegation(each) for each in ZONES if each.name.endswith(f".{planted.name}"))
        if planted.second is not None:  # first, so that the files of the zone itself stay
            altered = f"{servers}{planted.second}{children}"
            serial = "6" if planted.second == "" else "7"
            soa = planted.soa.replace(" 7 ", f" {serial} ")
            self.zone_set.add(planted.name, altered, planted.signing, soa, planted.ttl)
            self.second[planted.name] = self._kept(planted.name, with_keys=planted.second_keys)
        records = f"{servers}{planted.records}{children}"
        self.zone_set.add(planted.name, records, planted.signing, planted.soa, planted.ttl)
        if planted.ds:
            self.zone_set.ds[planted.name] = self._signers(planted.name, planted.ds)
        if planted.change:
            self.zone_set.change(planted.name, *planted.change)

    def _signers(self, name: str, kind: str) -> list[str]:
        """The DS records at the parent: by another digest, of another key, or beside one of no key."""
        own = self.zone_set.ds.get(name, [])
        match kind:
            case "sha1" | "sha384":
                return self.zone_set.digests(name, "-1" if kind == "sha1" else "-a", *["SHA-384"] * (kind == "sha384"))
            case "wrong":
                return [" ".join([*line.split()[:-1], line.split()[-1][::-1]]) for line in own]
            case "unknown":
                return [f"{name}. DS 4711 253 2 {'AB' * 32}"]
            case _:
                return [*own, f"{name}. DS 4711 13 2 {'AB' * 32}"]

    def _kept(self, name: str, *, with_keys: bool) -> Path:
        """Move the file of a zone aside, and with it its keys, unless the other version is signed by the same."""
        path = self.zone_set.zones.pop(name)
        kept = path.rename(path.with_name(f"second-{path.name}"))
        keys = self.folder / f"keys-{name}"
        if with_keys:
            keys.rename(keys.with_name(f"second-{keys.name}"))
        return kept

    def _delegation(self, planted: PlantedZone) -> str:
        servers = "".join(f"{planted.name}. NS {server}\n" for server in planted.delegated)
        return servers + planted.glue + self._ds(planted.name)

    def _ds(self, name: str) -> str:
        return "".join(f"{line}\n" for line in self.zone_set.ds.get(name, ()))

    @property
    def at_nsd(self) -> frozenset[str]:
        """The zones that NSD serves."""
        return frozenset(each.name for each in ZONES if each.delegated == _NSD)

    def nsd_conf(self) -> str:
        """The configuration of NSD."""
        addresses = "".join(f"  ip-address: {HOSTS[host][0]}\n" for host in ("nsd1", "nsd2"))
        zones = "".join(
            f'zone:\n  name: "{name}"\n  zonefile: "{self.zone_set.zones[name]}"\n' for name in sorted(self.at_nsd)
        )
        return _NSD_SERVER.format(folder=self.folder, addresses=addresses) + zones

    def _version_zone(self) -> Path:
        path = self.folder / "version"
        path.write_text('$TTL 60\n@ CH SOA a. b. 1 1 1 1 1\n@ CH NS a.\nversion CH TXT "none"\n')
        return path

    def named_conf(self) -> str:
        """The configuration of all views."""
        zones = self.zone_set.zones
        hosted = {name: path for name, path in zones.items() if name not in (".", "vn") and name not in self.at_nsd}
        views = [
            _view("root", (ROOT,), {".": zones["."]}),
            _view("top", (*TOP, TOP_SIX), {"vn": zones["vn"]}),
            _view("second", HOSTS["old"], {**hosted, **self.second}),
            _view("lame", HOSTS["lame"], {}),
            _view("open", HOSTS["open"], hosted, _RECURSIVE),
            _view("gives", HOSTS["gives"], hosted, "recursion no; allow-transfer { any; }; "),
            _view("broken", HOSTS["broken"], {**hosted, "broken.vn": self.folder / "there-is-no-such-file"}),
            _view("hosted", ("any",), hosted),
            # Instead of BIND's own, which answers three times a second only.
            f'view "version" chaos {{ zone "bind" {{ type primary; file "{self._version_zone()}"; }}; }};\n',
        ]
        addresses = [ROOT, *TOP, TOP_SIX, *(each for host in HOSTS if host not in _ELSEWHERE for each in HOSTS[host])]
        four = " ".join(f"{each};" for each in addresses if ":" not in each)
        six = " ".join(f"{each};" for each in addresses if ":" in each)
        return (
            f'options {{ directory "{self.folder}"; pid-file none; session-keyfile none; listen-on {{ {four} }};'
            f" listen-on-v6 {{ {six} }}; dnssec-validation no; empty-zones-enable no; notify no; check-integrity no;"
            ' allow-transfer { none; }; version "none"; };\ncontrols { };\nlogging { category default { null; }; };\n'
            + "".join(views)
        )


_RECURSIVE = (
    f'recursion yes; allow-recursion {{ any; }}; zone "." {{ type static-stub; server-addresses {{ {ROOT}; }}; }};'
)
#: Servers that BIND does not answer for: nobody, or a program of this module.
_ELSEWHERE = ("dead", "silent", "formerr", "droppy", "claims", "nsd1", "nsd2", "plain", "talks")


def _view(name: str, addresses: Sequence[str], zones: dict[str, Path], options: str = "recursion no; ") -> str:
    where = " ".join(f"{each};" for each in addresses)
    blocks = "".join(f'  zone "{zone}" {{ type primary; file "{path}"; }};\n' for zone, path in zones.items())
    return f'view "{name}" {{ match-destinations {{ {where} }}; {options}\n{blocks}}};\n'


_UNBOUND = """server:
  interface: {resolver}
  access-control: 0.0.0.0/0 allow
  do-ip6: yes
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  root-hints: "{folder}/root.hints"
  trust-anchor-file: "{folder}/anchors"
  do-daemonize: no
remote-control:
  control-enable: no
"""

_NSD_SERVER = """server:
{addresses}  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/nsd-zones"
  xfrdfile: ""
  xfrdir: "{folder}"
  pidfile: ""
  server-count: 1
  hide-version: yes
  answer-cookie: yes
  reuseport: no
  minimal-responses: no
remote-control:
  control-enable: no
"""

_RULES = f"""
table inet faults {{
  chain output {{
    type filter hook output priority 0;
    ip daddr {HOSTS["silent"][0]} drop
    ip daddr {HOSTS["tcpless"][0]} tcp dport 53 reject with tcp reset
    ip6 daddr {WEB[1]["silent"]} tcp dport 80 drop
  }}
}}
"""

_RELAYS = {"formerr": "formerr", "droppy": "drop", "claims": "claim", "plain": "plain", "talks": "version"}
#: A relay before a name server: answers FORMERR to EDNS (as servers before RFC 2671), drops it, sets the RA flag on
#: every answer, leaves out cookies, or tells a version. ADDRESS MODE ONWARD
_RELAY = """
import socket, socketserver, sys, threading
import dns.flags, dns.message, dns.query, dns.rcode, dns.rdataclass, dns.rrset
address, mode, onward = sys.argv[1:]

def answered(wire):
    query = dns.message.from_wire(wire)
    if mode == "claim":
        reply = dns.query.tcp(query, onward, timeout=5)
        reply.flags |= dns.flags.RA
        return reply.to_wire()
    if mode == "version" and query.question[0].rdclass == dns.rdataclass.CH:
        reply = dns.message.make_response(query)
        reply.answer = [dns.rrset.from_text("version.bind.", 0, "CH", "TXT", '"9.18.1-example"')]
        return reply.to_wire()
    if mode in ("plain", "version"):
        reply = dns.query.tcp(query, onward, timeout=5)
        if reply.edns >= 0 and mode == "plain":
            reply.use_edns(0, reply.ednsflags, reply.payload)
        return reply.to_wire()
    if query.edns >= 0:
        if mode == "drop":
            return None
        reply = dns.message.make_response(query)
        reply.use_edns(False)
        reply.set_rcode(dns.rcode.FORMERR)
        return reply.to_wire()
    return dns.query.tcp(query, onward, timeout=5).to_wire()

class Datagrams(socketserver.BaseRequestHandler):
    def handle(self):
        wire, sock = self.request
        reply = answered(wire)
        if reply is not None:
            sock.sendto(reply, self.client_address)

class Connections(socketserver.StreamRequestHandler):
    def handle(self):
        size = self.rfile.read(2)
        if len(size) == 2:
            reply = answered(self.rfile.read(int.from_bytes(size, "big")))
            if reply is not None:
                self.wfile.write(len(reply).to_bytes(2, "big") + reply)

servers = [socketserver.ThreadingUDPServer((address, 53), Datagrams),
           socketserver.ThreadingTCPServer((address, 53), Connections)]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def internet(folder: Path) -> Iterator[Internet]:
    """Build and run everything in a network namespace of its own."""
    for needed in ("ip", "nft", "nsd", "unbound"):
        program(needed)
    views = _Views(folder)
    views.build()
    (folder / "named.conf").write_text(views.named_conf())
    (folder / "nsd.conf").write_text(views.nsd_conf())
    (folder / "root.hints").write_text(f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n")
    (folder / "anchors").write_text("".join(f"{line}\n" for line in views.zone_set.anchors()))
    (folder / "unbound.conf").write_text(_UNBOUND.format(resolver=RESOLVER, folder=folder))
    addresses = [
        RESOLVER,
        ROOT,
        *TOP,
        TOP_SIX,
        WEB[0],
        *WEB[1].values(),
        *(each for host, found in HOSTS.items() if host != "dead" for each in found),
    ]
    setup = [f"ip addr add {each}/{128 if ':' in each else 32} dev lo" for each in addresses]
    # An address that nobody has, whose packets are answered by the machine: the port is closed.
    dead = [f"ip addr add {HOSTS['dead'][0]}/32 dev lo"]
    with network("ip link set lo up", *setup, *dead) as wrap, contextlib.ExitStack() as running:
        subprocess.run([*wrap, program("nft"), "-f", "-"], input=_RULES, text=True, check=True)
        log = running.enter_context((folder / "log").open("wb"))
        named = [programs()["named"], "-f", "-n", "1", "-c", str(folder / "named.conf")]
        _started(running, [*wrap, *named], log)
        _started(running, [*wrap, program("nsd"), "-d", "-c", str(folder / "nsd.conf")], log)
        _started(running, [*wrap, program("unbound"), "-d", "-c", str(folder / "unbound.conf")], log)
        for host, mode in _RELAYS.items():
            command = [*wrap, sys.executable, "-c", _RELAY, HOSTS[host][0], mode, HOSTS["ns1"][0]]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            running.callback(_end, process)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for address in (WEB[0], WEB[1]["answering"], WEB[1]["silent"]):
            _started(running, [*wrap, sys.executable, "-m", "http.server", "80", "--bind", address], log)
        _wait(wrap, folder / "log")
        yield Internet(wrap, views.zone_set.anchors())


def _started(running: contextlib.ExitStack, command: list[str], log: object) -> None:
    process = subprocess.Popen(command, stdout=log, stderr=log)  # type: ignore[call-overload]
    running.callback(_end, process)


def _end(process: subprocess.Popen[object]) -> None:
    process.kill()
    process.communicate()


def _wait(wrap: Sequence[str], log: Path) -> None:
    """Wait until the resolver validates a name."""
    deadline = time.monotonic() + 60
    said = ""
    while time.monotonic() < deadline:
        dig = [*wrap, programs()["dig"], f"@{RESOLVER}", "+time=1", "+tries=1", "clean.vn", "SOA"]
        said = subprocess.run(dig, capture_output=True, text=True, check=False).stdout
        if "ANSWER: 1" in said:
            return
        time.sleep(0.1)
    raise AssertionError(f"the resolver does not answer: {said} {log.read_text()}")


def observations(internet: Internet, wanted: Sequence[tuple[str, str, str | None]]) -> list[str]:
    """What the probes observe in the internet at these URIs and addresses, as canonical JSON."""
    module = "tests.plugins.inspector_dns.observe"
    command = [sys.executable, "-m", module, RESOLVER, json.dumps(internet.anchors), json.dumps(list(wanted))]
    done = subprocess.run([*internet.wrap, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found
