"""Compares verdicts on zones with Zonemaster's: ``python -m tests.agreement.zones [--write] [ZONE...]``.

Both judge the zones of ``tests.plugins.inspector_dns.internet``, in which one fault each is planted; what Inspector
says of them is what ``tests/line/test_zones.py`` proves. Zonemaster 5.0 of Debian takes some ten seconds a zone, so its
messages are kept in ``zonemaster.json`` (``--write``). Where the two differ, a third tool decides: its output is looked
for.

Exits with status 1 where a difference is not explained, where an explanation is of no difference, and where the third
tool does not print what is said here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.agreement.environment import program
from tests.plugins.inspector_dns.internet import RESOLVER, ROOT, ZONES, Internet, PlantedZone, internet

STORED = Path(__file__).with_name("zonemaster.json")
#: Zonemaster runs that are side by side.
WORKERS = 4

#: By check, Zonemaster's messages that say the same. Other checks have no counterpart: cookies, wildcards, TTL of NS
#: records, addresses and reverse names of mail hosts, the version, SPF records, and networks, for which Zonemaster asks
#: a service on the Internet for AS numbers.
MESSAGES: Mapping[str, frozenset[str]] = {
    check: frozenset(tags.split())
    for check, tags in {
        "cds-consistent": "DS15_MISMATCH_CDS_CDNSKEY DS16_CDS_MATCHES_NO_DNSKEY DS16_MIXED_DELETE_CDS"
        " DS17_CDNSKEY_MATCHES_NO_DNSKEY DS17_MIXED_DELETE_CDNSKEY",
        "delegation-consistent": "EXTRA_NAME_PARENT EXTRA_NAME_CHILD TOTAL_NAME_MISMATCH",
        "dnssec-algorithms-strong": "ALGORITHM_NOT_RECOMMENDED ALGORITHM_DEPRECATED DNSKEY_SMALLER_THAN_REC"
        " DS01_DS_ALGO_DEPRECATED DS01_DS_ALGO_NOT_DS",
        "dnssec-denial-valid": "DS10_NSEC_RRSIG_VERIFY_ERROR DS10_NSEC3_RRSIG_VERIFY_ERROR",
        "dnssec-keys-agree": "DS02_NO_VALID_DNSKEY_FOR_ANY_DS",
        "dnssec-signatures-fresh": "REMAINING_SHORT",
        "dnssec-valid": "NOT_SIGNED DS02_NO_MATCH_DS_DNSKEY DS08_DNSKEY_RRSIG_EXPIRED"
        " DS08_DNSKEY_RRSIG_NOT_YET_VALID DS09_RRSIG_NOT_VALID_BY_DNSKEY DS09_SOA_RRSIG_EXPIRED"
        " DS09_SOA_RRSIG_NOT_YET_VALID DS11_DS_BUT_UNSIGNED_ZONE DS_BUT_NOT_DNSKEY",
        "glue-consistent": "IN_BAILIWICK_ADDR_MISMATCH OUT_OF_BAILIWICK_ADDR_MISMATCH EXTRA_ADDRESS_CHILD",
        "name-servers-agree": "Z09_INCONSISTENT_MX_DATA Z09_INCONSISTENT_MX MULTIPLE_NS_SET",
        "name-servers-answer": "NS_FAILED IS_NOT_AUTHORITATIVE CN01_NO_RESPONSE_UDP CN02_NO_RESPONSE_TCP NS_IS_CNAME"
        " CAN_NOT_BE_RESOLVED",
        "name-servers-have-public-addresses": "NAMESERVER_IP_PRIVATE_NETWORK",
        "name-servers-redundant": "NOT_ENOUGH_NS_CHILD NOT_ENOUGH_NS_DEL",
        "name-servers-refuse-recursion": "IS_A_RECURSOR",
        "name-servers-support-edns": "NO_EDNS_SUPPORT BREAKS_ON_EDNS",
        "nsec3-parameters-sound": "MANY_ITERATIONS TOO_MANY_ITERATIONS",
        "soa-serials-agree": "MULTIPLE_SOA_SERIALS",
        "soa-values-sound": "EXPIRE_MINIMUM_VALUE_LOWER REFRESH_MINIMUM_VALUE_LOWER RETRY_MINIMUM_VALUE_LOWER"
        " SOA_DEFAULT_TTL_MAXIMUM_VALUE_HIGHER",
        "zone-transfer-refused": "AXFR_AVAILABLE",
    }.items()
}


@dataclass(frozen=True)
class Difference:
    """Why the two differ on a zone, and the command of a third tool whose output matches ``shows``."""

    why: str
    command: str
    shows: str


_VALIDATES = Difference(
    "one name server of several has no keys, or others; resolvers that come to it ask another, and the zone validates",
    "delv @RESOLVER -a ANCHORS +root=. ZONE SOA",
    r"; fully validated",
)
_BOGUS = Difference(
    "the whole zone is bogus, which dnssec-valid says; its denial is then not judged by itself",
    "dig @RESOLVER ZONE SOA",
    r"status: SERVFAIL",
)
#: By zone and check.
EXPLAINED: Mapping[tuple[str, str], Difference] = {
    **{(f"{zone}.vn", "dnssec-valid"): _VALIDATES for zone in ("lame", "broken", "formerr")},
    **{(f"{zone}.vn", "dnssec-denial-valid"): _BOGUS for zone in ("expired", "future")},
    ("sha1.vn", "dnssec-valid"): Difference(
        "Zonemaster validates with RSASHA1, which RFC 9905 §2 tells validators to treat as insecure",
        "dig @RESOLVER ZONE DS",
        r"DS\s+\d+ 5 2 ",
    ),
    ("exotic.vn", "dnssec-valid"): Difference(
        "the algorithm is one that no tool here knows: a validator treats the zone as unsigned, Inspector says that it "
        "cannot judge",
        "dig @RESOLVER ZONE DS",
        r"DS\s+4711 253 2 ",
    ),
    ("spf.vn", "name-servers-agree"): Difference(
        "Zonemaster does not compare SPF records", "dig @11.7.0.1 ZONE TXT", r"v=spf1 mx ~all"
    ),
    ("claims.vn", "name-servers-refuse-recursion"): Difference(
        "Zonemaster goes by the RA flag; the server resolves nothing", "dig @11.15.0.1 vn SOA", r"status: REFUSED"
    ),
    ("iterations.vn", "nsec3-parameters-sound"): Difference(
        "Zonemaster 4.6 minds more than 100 iterations; RFC 9276 §3.1 demands 0",
        "dig @RESOLVER ZONE NSEC3PARAM",
        r"NSEC3PARAM\s+1 0 10 -",
    ),
    ("salt.vn", "nsec3-parameters-sound"): Difference(
        "Zonemaster 4.6 does not mind a salt; RFC 9276 §3.1 advises against it",
        "dig @RESOLVER ZONE NSEC3PARAM",
        r"NSEC3PARAM\s+1 0 0 ABCD",
    ),
    ("ending.vn", "dnssec-signatures-fresh"): Difference(
        "Zonemaster minds less than twelve hours; Inspector three days, if less than a quarter of the validity",
        "dig +dnssec @RESOLVER ZONE SOA",
        r"RRSIG\s+SOA 15 ",
    ),
}


def run_zonemaster(running: Internet, folder: Path, zone: str) -> list[str]:
    """The messages of Zonemaster on a zone, above the level of information, sorted."""
    hints = folder / "hints"
    hints.write_text(f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n")
    command = [program("zonemaster-cli"), "--json", "--level=NOTICE", "--hints", str(hints), zone]
    done = subprocess.run([*running.wrap, *command], capture_output=True, text=True, check=True, timeout=300)
    return sorted({each["tag"] for each in json.loads(done.stdout)})


def differences(zone: PlantedZone, messages: Sequence[str]) -> set[str]:
    """The checks on which the two differ; one that Inspector leaves undecided differs where Zonemaster complains.

    What depends on the server that answers first is not compared.
    """
    theirs = {check for check, tags in MESSAGES.items() if tags & set(messages)}
    ours = zone.failing & MESSAGES.keys()
    compared = (ours ^ theirs) - zone.either
    return {check for check in compared if check not in zone.unclear or check in _JUDGED_BY_ZONEMASTER}


#: What Zonemaster decides where Inspector says that it cannot.
_JUDGED_BY_ZONEMASTER = frozenset({"dnssec-valid"})


def unexplained(stored: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What is wrong: differences without an explanation, and explanations without a difference."""
    found = {(zone.name, check) for zone in ZONES for check in differences(zone, stored.get(zone.name, ()))}
    yield from (f"not explained: {zone} {check}" for zone, check in sorted(found - EXPLAINED.keys()))
    yield from (f"no difference: {zone} {check}" for zone, check in sorted(EXPLAINED.keys() - found))


def decided(running: Internet, folder: Path) -> Iterator[str]:
    """The explanations that the third tool does not bear out."""
    tag, algorithm, kind, *digest = running.anchors[0].partition(" DS ")[2].split()
    anchors = folder / "anchors.delv"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{"".join(digest)}"; }};\n')
    for (zone, check), difference in EXPLAINED.items():
        text = difference.command.replace("RESOLVER", RESOLVER).replace("ANCHORS", str(anchors)).replace("ZONE", zone)
        words = text.split()
        done = subprocess.run(
            [*running.wrap, program(words[0]), *words[1:]], capture_output=True, text=True, check=False
        )
        if not re.search(difference.shows, done.stdout + done.stderr):
            yield f"{zone} {check}: {text} does not print {difference.shows!r}: {done.stdout[:500]}"


def main(arguments: Sequence[str]) -> int:
    """Run Zonemaster on the zones, compare, and decide the differences."""
    wanted = [each for each in arguments if not each.startswith("-")] or [zone.name for zone in ZONES]
    stored: dict[str, list[str]] = json.loads(STORED.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name, internet(Path(name)) as running, ThreadPoolExecutor(WORKERS) as pool:
        for zone, messages in zip(
            wanted, pool.map(lambda each: run_zonemaster(running, Path(name), each), wanted), strict=True
        ):
            if stored.get(zone) != messages:
                sys.stdout.write(f"{zone}: {' '.join(messages)}\n")
            stored[zone] = messages
        wrong = [*unexplained(stored), *decided(running, Path(name))]
    if "--write" in arguments:
        STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(f"{len(wanted)} zones, {len(EXPLAINED)} differences explained, {len(wrong)} not\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
