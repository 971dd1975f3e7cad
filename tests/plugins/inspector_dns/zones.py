"""A root, top-level domains and zones of every sort of signature, on one authoritative server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.plugins.inspector_dns.named import Signing, ZoneSet, free_port, relay, serve, silence

#: Where things are: two good name servers, one that serves no zone, one that is closed, one that never answers.
GOOD = ("127.0.0.1", "127.0.0.2")
LAME = "127.0.0.3"
CLOSED = "127.0.0.4"
SILENT = "127.0.0.5"
ADDRESSES = (*GOOD, LAME, CLOSED, SILENT)

SERVERS = "@ NS ns1.test.\n@ NS ns2.test.\n"
SIGNED = Signing()
OPT_OUT = Signing(nsec3=("-3", "abcd", "-A"))
NSEC3 = Signing(nsec3=("-3", "-", "-H", "5"))


def _delegation(name: str, zone_set: ZoneSet, *, servers: tuple[str, ...] = ("ns1.test.", "ns2.test.")) -> str:
    lines = [f"{name}. NS {server}" for server in servers]
    return "\n".join([*lines, *zone_set.ds.get(name, ())]) + "\n"


def build(folder: Path) -> ZoneSet:
    """Write and sign all zones."""
    zone_set = ZoneSet(folder)
    _add_zones(zone_set)
    _top(zone_set)
    return zone_set


def _add_zones(zone_set: ZoneSet) -> None:
    zone_set.add("a.b.good.test", SERVERS, SIGNED)
    zone_set.add(
        "good.test",
        SERVERS
        + """@ A 192.0.2.1
        @ CAA 0 issue "ca.example.net"
        @ CAA 128 iodef "mailto:security@good.test"
        www A 192.0.2.10
        www A 192.0.2.9
        www AAAA 2400:cb00::10
        inside AAAA fd00::1
        dangling CNAME nowhere
        alias CNAME www
        far CNAME www.plain.test.
        binding HTTPS 1 . alpn=h2 ipv4hint=192.0.2.11
        binding A 192.0.2.11
        stale HTTPS 1 . alpn=h2 ipv4hint=192.0.2.99
        stale A 192.0.2.12
        empty HTTPS 0 nothing.good.test.
        modes HTTPS 0 www
        modes HTTPS 1 . alpn=h2
        modes A 192.0.2.14
        mixed A 192.0.2.13
        mixed A 10.0.0.1
        gone CNAME www.no.such.good.test.
        loop1 CNAME loop2
        loop2 CNAME loop1
        """
        + _delegation("a.b.good.test", zone_set),
        Signing(algorithm="ED25519", separate=True),
    )
    zone_set.add("plain.test", SERVERS + 'www A 192.0.2.20\n@ CAA 0 iodef "mailto:x@plain.test"\n')
    zone_set.add("expired.test", SERVERS, Signing(start="now-864000", end="now-432000"))
    zone_set.add("future.test", SERVERS, Signing(start="now+432000", end="now+864000"))
    zone_set.add("changed.test", SERVERS, SIGNED)
    zone_set.change("changed.test", r"ns2\.test\.", "ns3.test.")
    zone_set.add("wrongds.test", SERVERS, SIGNED)
    zone_set.ds["wrongds.test"] = [line.replace("wrongds", "wrongds") for line in _other_ds(zone_set, "wrongds.test")]
    zone_set.add("stripped.test", SERVERS, SIGNED)
    zone_set.zones["stripped.test"] = zone_set.folder / "zone-stripped-unsigned"
    zone_set.zones["stripped.test"].write_text(
        "$ORIGIN stripped.test.\n$TTL 60\n@ SOA ns1.test. hostmaster.test. 7 3600 600 86400 60\n" + SERVERS
    )
    zone_set.ds["exotic.test"] = [f"exotic.test. DS 4711 253 2 {'AB' * 32}"]
    zone_set.add("exotic.test", SERVERS)
    zone_set.ds["obsolete.test"] = [f"obsolete.test. DS 4711 3 2 {'AB' * 32}"]
    zone_set.add("obsolete.test", SERVERS)
    for name, algorithm, digest in (("md5.test", 1, 2), ("gost.test", 12, 2), ("gost-digest.test", 13, 3)):
        zone_set.ds[name] = [f"{name}. DS 4711 {algorithm} {digest} {'AB' * 32}"]
        zone_set.add(name, SERVERS)
    zone_set.ds["exotic-and-dsa.test"] = [
        f"exotic-and-dsa.test. DS 4711 {algorithm} 2 {'AB' * 32}" for algorithm in (3, 253)
    ]
    zone_set.add("exotic-and-dsa.test", SERVERS)
    zone_set.add("both.test", SERVERS, Signing(algorithm="RSASHA1", second="ECDSAP256SHA256", separate=True))
    zone_set.add("sha1-digest.test", SERVERS, SIGNED)
    zone_set.ds["sha1-digest.test"] = zone_set.sha1_ds("sha1-digest.test")
    zone_set.add("sha1.test", SERVERS, Signing(algorithm="RSASHA1", separate=True))
    zone_set.add("sha1-nsec3.test", SERVERS, Signing(algorithm="NSEC3RSASHA1", nsec3=("-3", "-")))
    zone_set.add("moving.test", SERVERS, SIGNED)
    zone_set.ds["moving.test"] = [*zone_set.ds["moving.test"], f"moving.test. DS 4711 5 2 {'AB' * 32}"]
    for name in ("servfail.test", "halfdead.test"):
        zone_set.zones[name] = zone_set.folder / "there-is-no-such-file"
    zone_set.ds["servfail.test"] = [f"servfail.test. DS 4711 13 2 {'AB' * 32}"]
    zone_set.add("sixwild.test", SERVERS + "* AAAA 2400:cb00::80\n")
    zone_set.add("mailwild.test", SERVERS + "* MX 10 mx.good.test.\n")
    zone_set.add("lame.test", "@ NS ns1.test.\n@ NS ns-lame.test.\n")
    zone_set.add("dead.test", "@ NS ns1.test.\n@ NS ns-closed.test.\n")
    zone_set.add("silent.test", "@ NS ns1.test.\n@ NS ns-silent.test.\n")
    zone_set.add("lost.test", "@ NS ns1.test.\n@ NS gone.test.\n")
    zone_set.add("single.test", "@ NS ns1.test.\n")
    zone_set.add("twins.test", "@ NS ns1.test.\n@ NS ns1-too.test.\n")
    zone_set.add("machine.test", "@ NS ns1-dual.test.\n@ NS ns1-six.test.\n")
    zone_set.add("local.test", "@ NS local1.test.\n@ NS local2.test.\n")
    zone_set.add("alias.test", "@ NS ns1.test.\n@ NS ns-alias.test.\n")
    zone_set.add(
        "big.test", SERVERS + "".join(f'@ CAA 0 issue "ca{number:03}.{"x" * 50}.example"\n' for number in range(60))
    )
    for top, signing in (("three", NSEC3), ("opt", OPT_OUT), ("bare", None)):
        zone_set.add(f"good.{top}", SERVERS, SIGNED)
        zone_set.add(f"plain.{top}", SERVERS)
        children = _delegation(f"plain.{top}", zone_set) + (_delegation(f"good.{top}", zone_set))
        zone_set.add(f"{top}", SERVERS + children, signing)


def _other_ds(zone_set: ZoneSet, name: str) -> list[str]:
    """A DS record whose digest is another key's."""
    owner, *head, digest = next(iter(zone_set.ds[name])).split()
    return [" ".join([owner, *head, digest[::-1]])]


def _top(zone_set: ZoneSet) -> None:
    plain = {
        "lame.test": ("ns1.test.", "ns-lame.test."),
        "dead.test": ("ns1.test.", "ns-closed.test."),
        "silent.test": ("ns1.test.", "ns-silent.test."),
        "lost.test": ("ns1.test.", "gone.test."),
        "single.test": ("ns1.test.",),
        "twins.test": ("ns1.test.", "ns1-too.test."),
        "machine.test": ("ns1-dual.test.", "ns1-six.test."),
        "local.test": ("local1.test.", "local2.test."),
        "alias.test": ("ns1.test.", "ns-alias.test."),
    }
    children = [name for name in zone_set.zones if name.count(".") == 1 and name.endswith(".test")]
    delegations = "".join(
        _delegation(name, zone_set, servers=plain.get(name, ("ns1.test.", "ns2.test."))) for name in children
    )
    hosts = f"""ns1 A {GOOD[0]}
        ns1-too A {GOOD[0]}
        ns1-dual A {GOOD[0]}
        ns1-dual AAAA 2001:db8::53
        ns1-six AAAA 2001:db8::53
        local1 AAAA fe80::1
        local2 AAAA fe80::2
        ns-alias CNAME ns2
        ns2 A {GOOD[1]}
        ns3 A {GOOD[1]}
        ns-lame A {LAME}
        ns-closed A {CLOSED}
        ns-silent A {SILENT}
        """
    zone_set.add("test", SERVERS + hosts + delegations, Signing(separate=True))
    tops = "".join(_delegation(name, zone_set) for name in ("test", "three", "opt", "bare"))
    glue = f"ns1.test. A {GOOD[0]}\nns2.test. A {GOOD[1]}\n"
    zone_set.add(".", SERVERS + tops + glue, Signing(algorithm="RSASHA256", separate=True))


@dataclass(frozen=True)
class Served:
    """A running estate: ``port`` is the authoritative server's on 127.0.0.1, ``resolver`` a recursive server's."""

    zone_set: ZoneSet
    folder: Path
    port: int
    resolver: int

    @property
    def anchors(self) -> tuple[str, ...]:
        """The root's trust anchors."""
        return self.zone_set.anchors()


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """All zones on one named, found at several addresses; a lame one; a silent one; and a resolver before them."""
    built = build(folder)
    port, lame, resolver = free_port(ADDRESSES), free_port(), free_port()
    options = f"recursion yes; forwarders {{ 127.0.0.1 port {port}; }}; forward only;"
    with (
        serve(folder / "authoritative", built.zones, port),
        serve(folder / "lame", {}, lame),
        serve(folder / "resolver", {}, resolver, options),
        relay(GOOD[1], port, port),
        relay(LAME, port, lame),
        silence(SILENT, port),
    ):
        yield Served(built, folder, port, resolver)
