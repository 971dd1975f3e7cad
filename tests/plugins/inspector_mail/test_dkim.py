"""DKIM key records and BIMI records: what receivers make of them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, Declared
from inspector.declare.settings import Settings
from inspector.testing import run_probe
from inspector_mail.bimi import bimi_of
from inspector_mail.dkim import key_of
from inspector_mail.observations import BimiFault, Dkim, DkimFault, DkimKey
from inspector_mail.probes import MAX_SELECTORS, dkim
from inspector_mail.tag_list import parse_tags
from tests.plugins.inspector_mail.zones import ED25519, RSA_1024, RSA_2048


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (f"v=DKIM1; k=rsa; p={RSA_2048}", DkimKey(key_type="rsa", bits=2048)),
        (f"p={RSA_1024}", DkimKey(key_type="rsa", bits=1024)),
        (f"v=DKIM1;k=ed25519;p={ED25519};", DkimKey(key_type="ed25519")),
        (f"v=DKIM1; h=sha1:sha256; t=s; p={RSA_1024}", DkimKey(key_type="rsa", bits=1024, hashes=("sha1", "sha256"))),
        (f"v=DKIM1; t=y:s; p={RSA_1024}", DkimKey(key_type="rsa", bits=1024, testing=True)),
        (f"v=DKIM1; x=1; n=note; p={RSA_1024[:40]} {RSA_1024[40:]}", DkimKey(key_type="rsa", bits=1024)),
        ("v=DKIM1; p=", DkimKey(fault=DkimFault.REVOKED)),
        ("v=DKIM1; k=ed25519; p=AAAA", DkimKey(fault=DkimFault.KEY)),
        (f"v=DKIM1; k=rsa; p={ED25519}", DkimKey(fault=DkimFault.KEY)),
        (f"v=DKIM1; k=dsa; p={ED25519}", DkimKey(fault=DkimFault.ALGORITHM)),
        (f"k=rsa; v=DKIM1; p={RSA_1024}", DkimKey(fault=DkimFault.VERSION)),
        (f"v=DKIM1; s=chat; p={RSA_1024}", DkimKey(fault=DkimFault.SERVICE)),
        (f"v=DKIM1; s=chat:email; p={RSA_1024}", DkimKey(key_type="rsa", bits=1024)),
        (f"v=DKIM1; s=*; p={RSA_1024}", DkimKey(key_type="rsa", bits=1024)),
        ("v=DKIM1; k=rsa", DkimKey(fault=DkimFault.SYNTAX)),
        (f"v=DKIM1; p={RSA_1024}; p={RSA_1024}", DkimKey(fault=DkimFault.SYNTAX)),
        ("v=spf1 -all", DkimKey(fault=DkimFault.SYNTAX)),
    ],
)
def test_key_records(record: str, key: DkimKey) -> None:
    """The version is the first tag, an empty key is revoked, unknown tags are ignored (RFC 6376 §3.6.1)."""
    assert key_of([record.encode()]) == key


def test_one_record_counts() -> None:
    """None is missing; several leave the result undefined (RFC 6376 §3.6.2.2)."""
    assert key_of([]).fault is DkimFault.MISSING
    assert key_of([b"v=DKIM1; p="] * 2).fault is DkimFault.SEVERAL


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_a_key_in_either_form_has_its_size(bits: int) -> None:
    """RSAPublicKey and SubjectPublicKeyInfo are both in use."""
    import base64

    key = rsa.generate_private_key(65537, bits).public_key()
    for form in (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo):
        encoded = base64.b64encode(key.public_bytes(Encoding.DER, form)).decode()
        assert key_of([f"v=DKIM1; p={encoded}".encode()]) == DkimKey(key_type="rsa", bits=bits)


@given(st.lists(st.one_of(st.binary(max_size=200), st.binary(max_size=300).map(b"v=DKIM1; p=".__add__)), max_size=2))
def test_any_key_record_can_be_read(records: list[bytes]) -> None:
    """Whatever is published is a key or has a fault."""
    found = key_of(records)
    assert (found.fault is None) is (found.key_type is not None)


def test_long_keys_are_not_read() -> None:
    """Work is bounded: a key beyond all sizes in use cannot be read."""
    assert key_of([b"v=DKIM1; p=" + b"A" * 60_000]).fault is DkimFault.KEY


def test_selectors_beyond_the_limit_are_unseen(server: int) -> None:
    """None of the declared selectors is left out of the verdict."""
    selectors = (*(f"s{number}" for number in range(MAX_SELECTORS - 1)), "mail", "long")
    settings = Settings(resolvers=(f"127.0.0.1:{server}",))
    found = run_probe(dkim, "mail:dkim.mail.test", declared=Declared(selectors=selectors), settings=settings).seen(Dkim)
    keys = {each.selector: each.key for each in found.declared}
    assert tuple(keys) == selectors
    assert (keys["mail"].is_seen, keys["long"].unseen) == (True, Cause.ABORTED)


@given(st.text(max_size=200))
def test_any_tag_list_can_be_parsed(text: str) -> None:
    """A list of tags, or none."""
    tags = parse_tags(text)
    assert tags is None or all(name for name in tags)


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([b"v=BIMI1; l=https://example.vn/logo.svg"], None),
        ([b"v=BIMI1; l=; a="], None),
        ([b"v=BIMI1; l=https://example.vn/logo.svg; a=https://example.vn/vmc.pem"], None),
        ([b"v=BIMI1; l=https://e.vn/1"] * 2, BimiFault.SEVERAL),
        ([b"v=BIMI1;"], BimiFault.SYNTAX),
        ([b"v=BIMI1; l=http://example.vn/logo.svg"], BimiFault.LOGO),
        ([b"v=BIMI1; l=https://example.vn/logo.svg; a=cert.pem"], BimiFault.AUTHORITY),
    ],
)
def test_bimi_records(records: list[bytes], fault: BimiFault | None) -> None:
    """Logo and certificate are https URLs; an empty logo declines."""
    found = bimi_of(records)
    assert (found.record is not None, found.fault) == (True, fault)
    assert bimi_of([b"unrelated"]).record is None
