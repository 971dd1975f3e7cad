"""Mail domains good and bad, below one top-level domain, on one authoritative server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.plugins.inspector_dns.named import ZoneSet, free_port, serve

SERVERS = "@ NS ns1.test.\n"

_TEN = f'ten TXT "v=spf1 {"a:mx.good.mail.test " * 10}-all"\n'
_CROWD = "".join(f"crowd MX 10 mx{number}.good\n" for number in range(11))
#: RSA keys of 1,024 and of 2,048 bits, and an Ed25519 key.
RSA_1024 = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDRj61ZGYEJOd9fBthZ9a7nsfW/laVHFYpmyXIKxLV16oVWAQ5h7DETdQIMqlTGY0AO1gIkY1s3"
    "UAQy24c5Z6NLBe3glqnvkqG4DSFidSqSDOEk7p0aIxzcxYxl0caN7BUKIZhGJmYb5iXsFQQXuYNUYvAxG3H1RQtx3PrUZhNLvwIDAQAB"
)
RSA_2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoiOHe1LNmY1jL9W150gT+BtwoGVdfWGaPRy6fNMZmSqbU6HzLHZ8Jy3iQmOWJxqc6OahQykM"
    "uSzvDFpJRV4ezPOl36mXWtkhxHuWCuqXzqq82YrUHcmWvyv0AaaXLKGI8/8mkPQALXNR77g2h0B2BDA6HGIWqKIHW7WnLz3x6/K8iMvxxu5/Nha8vBRQ"
    "8nKfKWm0RzwzKhzfwx1L2FJmwm3uYWCa9WLImkBpTMkecRCDQrrQ04ATWbokl69fJJFc9SsNVlfdAfKUXllwz8k12EmmaTgOr5dzaJo3CDoVSqXsti5U"
    "vp86/KHiYgXoIo9+21Sxq6Ad1QtkY/FlT5XukwIDAQAB"
)
ED25519 = "vLxN9SVDZ5OqNQHVQB+jq0MEDFA0347w9SBpBBb8Gks="


def dkim_record(name: str, record: str) -> str:
    """The line of a zone with a DKIM key; long keys stand in several strings."""
    strings = " ".join(f'"{record[start : start + 200]}"' for start in range(0, len(record), 200))
    return f"{name} TXT {strings}\n"


#: The key records of the domain ``dkim``, by selector.
DKIM = {
    "long": f"v=DKIM1; k=rsa; p={RSA_2048}",
    "short": f"v=DKIM1; p={RSA_1024}",
    "edwards": f"v=DKIM1; k=ed25519; p={ED25519}",
    "mail": f"p={RSA_2048}",
    "test": f"v=DKIM1; t=y:s; p={RSA_2048}",
    "sha1": f"v=DKIM1; h=sha1; p={RSA_2048}",
    "revoked": "v=DKIM1; p=",
    "newer": f"v=DKIM2; p={RSA_2048}",
    "last": f"p={RSA_2048}; v=DKIM1",
    "broken": "v=DKIM1; p=MIIBIjANBgkq",
    "words": "this is no key",
    "exotic": f"v=DKIM1; k=gost; p={ED25519}",
}
_DKIM = "".join(dkim_record(f"{selector}._domainkey.dkim", record) for selector, record in DKIM.items())
_CHAIN = "".join(f'deep{number} TXT "v=spf1 include:deep{number + 1}.mail.test -all"\n' for number in range(12))

#: Every name below is a mail domain of its own; what it shows is in its name.
RECORDS = (
    SERVERS
    + """
    @ TXT "unrelated"
    good MX 10 mx.good
    mx.good A 192.0.2.25
    mx.good AAAA 2001:db8::25
    good TXT "v=spf1 mx ip4:192.0.2.0/24 include:provider.mail.test -all"
    good TXT "site-verification=1"
    provider TXT "v=spf1 ip4:198.51.100.0/24 a:mx.good.mail.test ?all"
    _dmarc.good TXT "v=DMARC1; p=reject; rua=mailto:dmarc@good.mail.test"
    nomail MX 0 .
    nomail TXT "v=spf1 -all"
    _dmarc.nomail TXT "v=DMARC1;p=reject;"
    bare A 192.0.2.1
    double TXT "v=spf1 -all"
    double TXT "V=SPF1 mx -all"
    _dmarc.double TXT "v=DMARC1; p=reject"
    _dmarc.double TXT "v=DMARC1; p=none"
    malformed TXT "v=spf1 ipv4:192.0.2.1 -all"
    _dmarc.malformed TXT "v=DMARC1; p=block"
    loop TXT "v=spf1 include:loop2.mail.test -all"
    loop2 TXT "v=spf1 include:loop.mail.test -all"
    void TXT "v=spf1 a:no1.mail.test a:no2.mail.test exists:no3.mail.test -all"
    twovoid TXT "v=spf1 a:no1.mail.test a:no2.mail.test -all"
    lost TXT "v=spf1 include:nothing.mail.test -all"
    redirected TXT "v=spf1 redirect=good.mail.test"
    neutral TXT "v=spf1 ip4:192.0.2.1"
    everyone TXT "v=spf1 +all"
    hidden TXT "v=spf1 include:everyone.mail.test -all"
    network TXT "v=spf1 ip4:0.0.0.0/0 -all"
    soft TXT "v=spf1 mx ~all"
    soft MX 10 mx.good
    macro TXT "v=spf1 include:%{ir}.%{v}.%{d}.spf.mail.test -all"
    wide TXT "v=spf1 a/0 -all"
    wide A 192.0.2.1
    wide6 TXT "v=spf1 a//0 -all"
    wide6 AAAA 2001:db8::1
    widemx TXT "v=spf1 mx/0 -all"
    widemx MX 10 mx.good
    widepart TXT "v=spf1 include:wide.mail.test -all"
    halves TXT "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"
    half TXT "v=spf1 ip4:128.0.0.0/1 -all"
    unicast6 TXT "v=spf1 ip6:2000::/3 -all"
    halfpart TXT "v=spf1 ip4:0.0.0.0/1 include:upper.mail.test -all"
    upper TXT "v=spf1 ip4:128.0.0.0/1 -all"
    undecided TXT "v=spf1 ?ip4:0.0.0.0/0 -all"
    denied TXT "v=spf1 ip4:192.0.2.1 -ip4:0.0.0.0/0 -ip6:::/0"
    denypart TXT "v=spf1 -include:everyone.mail.test ?all"
    big TXT "v=spf1 ip4:17.0.0.0/8 a/16 -all"
    big A 192.0.2.1
    always TXT "v=spf1 exists:bare.mail.test -all"
    alwaysd TXT "v=spf1 exists:%{d} -all"
    alwaysd A 192.0.2.1
    absent TXT "v=spf1 exists:nothing.mail.test -all"
    only6 TXT "v=spf1 exists:%{v}.v.mail.test -all"
    ip6.v A 127.0.0.2
    anyone TXT "v=spf1 exists:%{ir}.%{l}.w-any.mail.test -all"
    *.w-any A 127.0.0.2
    anypart TXT "v=spf1 include:%{ir}._part.mail.test -all"
    *._part TXT "v=spf1 +all"
    listed TXT "v=spf1 exists:%{i}.w-list.mail.test exists:%{l}.w-user.mail.test -all"
    192.0.2.1.w-list A 127.0.0.2
    postmaster.w-user A 127.0.0.2
    listed3 TXT "v=spf1 exists:%{i}.n1.mail.test exists:%{i}.n2.mail.test exists:%{i}.n3.mail.test -all"
    spaced TXT "v=spf1 exists:a%_b.spaced.mail.test -all"
    *.spaced A 127.0.0.2
    labels TXT "v=spf1 redirect=%{d2}"
    @ TXT "v=spf1 ip4:192.0.2.0/24 -all"
    turned.labels TXT "v=spf1 redirect=%{d1r}.%{o2}"
    turned TXT "v=spf1 ~all"
    fours TXT "v=spf1 a:v41.mail.test a:v42.mail.test a:v43.mail.test -all"
    sixes TXT "v=spf1 a:v61.mail.test mx:m62.mail.test a:v63.mail.test -all"
    onesided TXT "v=spf1 a:v61.mail.test a:v63.mail.test a:v61.mail.test a:x.servfail.test -all"
    twofours TXT "v=spf1 a:v41.mail.test a:v42.mail.test -all"
    v41 A 192.0.2.1
    v42 A 192.0.2.2
    v43 A 192.0.2.3
    v61 AAAA 2001:db8::1
    v63 AAAA 2001:db8::3
    m62 MX 10 v61
    toplevel TXT "v=spf1 include:%{d1} -all"
    eleven TXT "v=spf1 redirect=ten.mail.test"
    split TXT "v=spf1 ip4:192.0.2.1" " -all"
    unseen TXT "v=spf1 include:x.servfail.test -all"
    watched TXT "v=spf1 -all"
    _dmarc.watched TXT "v=DMARC1; p=none; rua=mailto:x@watched.mail.test"
    testing TXT "v=spf1 -all"
    _dmarc.testing TXT "v=DMARC1; p=reject; t=y"
    halftest TXT "v=spf1 -all"
    _dmarc.halftest TXT "v=DMARC1; p=quarantine; t=y"
    tabbed TXT "v=spf1 -all"
    _dmarc.tabbed TXT "v=DMARC1\t;\tp=\treject\t;\tt\t=\tn\t"
    late TXT "v=spf1 -all"
    _dmarc.late TXT "p=reject; v=DMARC1"
    other TXT "v=spf1 -all"
    _dmarc.other TXT "v=spf1 p=x -all"
    noreports TXT "v=spf1 -all"
    _dmarc.noreports TXT "v=DMARC1; p=reject; sp=maybe"
    reports TXT "v=spf1 -all"
    _dmarc.reports TXT "v=DMARC1; p=reject; sp=maybe; rua=mailto:x@mail.test"
    nopolicy TXT "v=spf1 -all"
    _dmarc.nopolicy TXT "v=DMARC1"
    crowd TXT "v=spf1 mx -all"
    cased TXT "v=spf1 -all"
    _dmarc.cased TXT "v=dmarc1; p=reject"
    _dmarc.org TXT "v=DMARC1; p=reject; sp=quarantine; np=none"
    a.org A 192.0.2.1
    notes.org TXT "v=spf1 -all"
    a.org TXT "v=spf1 -all"
    _dmarc.suffix TXT "v=DMARC1; p=none; psd=y; sp=reject"
    x.y.suffix A 192.0.2.1
    _dmarc.own.suffix TXT "v=DMARC1; p=quarantine"
    x.own.suffix A 192.0.2.1
    _dmarc.stop TXT "v=DMARC1; p=reject; psd=n"
    viaptr TXT "v=spf1 ptr:viaptr.mail.test ip4:192.0.2.1 -all"
    after TXT "v=spf1 ip4:192.0.2.1 -all ip4:192.0.2.2 redirect=good.mail.test"
    unusedmx TXT "v=spf1 mx ip4:192.0.2.1 -all"
    narrow6 TXT "v=spf1 ip6:2001::/20 -all"
    openbelow TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.openbelow TXT "v=DMARC1; p=reject; sp=none; rua=mailto:a@openbelow.mail.test"
    oldtags TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.oldtags TXT "v=DMARC1; p=reject; pct=50; rua=mailto:a@oldtags.mail.test!10m"
    badtags TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.badtags TXT "v=DMARC1; p=reject; adkim=x; aspf=s; sorry; fo=1:d; x=y; rua=a@badtags.mail.test"
    byhttp TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.byhttp TXT "v=DMARC1; p=reject; rua=https://byhttp.mail.test/reports"
    outside TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.outside TXT "v=DMARC1; p=reject; rua=mailto:a@outside.mail.test,mailto:b@collector.mail.test"
    allowed TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.allowed TXT "v=DMARC1; p=reject; rua=mailto:b@collector.mail.test; ruf=mailto:b@collector.mail.test"
    allowed.mail.test._report._dmarc.collector TXT "v=DMARC1"
    unsure TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.unsure TXT "v=DMARC1; p=reject; rua=mailto:a@x.servfail.test"
    nomail TXT "unrelated"
    hollow MX 0 .
    hollow TXT "v=spf1 ip4:192.0.2.1 -all"
    silent TXT "v=spf1 -all"
    _dmarc.silent TXT "v=DMARC1; p=reject; rua=mailto:a@silent.mail.test"
    mxalias MX 10 alias
    alias CNAME mx.good
    mxnowhere MX 10 mx.good
    mxnowhere MX 20 nowhere
    mxaddress MX 10 192.0.2.25.
    mxtwice MX 0 .
    mxtwice MX 10 mx.good
    mxprivate MX 10 inside
    inside A 10.0.0.25
    mxunseen MX 10 x.servfail.test.
    _dmarc.logo TXT "v=DMARC1; p=quarantine; rua=mailto:a@logo.mail.test"
    default._bimi.logo TXT "v=BIMI1; l=https://logo.mail.test/logo.svg; a="
    default._bimi.watched TXT "v=BIMI1; l=https://watched.mail.test/logo.svg"
    default._bimi.plainlogo TXT "v=BIMI1; l=http://plainlogo.mail.test/logo.svg"
    default._bimi.nologo TXT "v=BIMI1"
    short._domainkey.dkimtwice TXT "v=DKIM1; p="
    short._domainkey.dkimtwice TXT "v=DKIM1; p=AAAA"
    *._domainkey.dkimany TXT "v=DKIM1; p="
    """
    + _TEN
    + _CROWD
    + _DKIM
    + _CHAIN
)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port of a named that serves these domains, the zones above them, and one zone that it cannot load."""
    zone_set = ZoneSet(folder)
    zone_set.add("mail.test", RECORDS)
    zone_set.add("test", SERVERS + "ns1 A 127.0.0.1\nmail NS ns1.test.\nservfail NS ns1.test.\n")
    zone_set.add(".", SERVERS + "test. NS ns1.test.\nns1.test. A 127.0.0.1\n")
    zone_set.zones["servfail.test"] = folder / "there-is-no-such-file"
    port = free_port()
    with serve(folder / "named", zone_set.zones, port):
        yield port
