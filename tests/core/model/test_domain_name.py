"""Domain names are those of IDNA 2008: packets go to A-labels, people read U-labels beside them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.model.domain_name import BadName, a_labels, u_labels, with_u_labels
from inspector.model.subject import normalise_host


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("straße.test", "xn--strae-oqa.test"),
        ("strasse.test", "strasse.test"),
        ("STRAẞE.test", "xn--strae-oqa.test"),
        ("βόλος.test", "xn--nxasmm1c.test"),
        ("ΒΌΛΟΣ.test", "xn--nxasmq6b.test"),
        ("نامه\u200cای.test", "xn--mgba3gch31f060k.test"),
        ("ශ්\u200dරී.test", "xn--10cl1a0b660p.test"),
        ("bo\u0323\u0302.vn", "xn--b-8xm.vn"),
        ("Bücher。Example．VN｡", "xn--bcher-kva.example.vn"),
        ("ｅｘａｍｐｌｅ.vn", "example.vn"),
        ("XN--STRAE-OQA.Test.", "xn--strae-oqa.test"),
        ("_dmarc.straße.test", "_dmarc.xn--strae-oqa.test"),
        ("a_b.r3---sn-x.test", "a_b.r3---sn-x.test"),
        ("אבג.test", "xn--4dbcd.test"),
        ("_dmarc.אבג.test", "_dmarc.xn--4dbcd.test"),
    ],
)
def test_a_name_has_the_a_labels_of_idna_2008(written: str, name: str) -> None:
    """The four deviation characters stay what they are; case, width, form and full stops are mapped (UTS 46 §4)."""
    assert a_labels(written) == a_labels(name) == name


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("i❤.test", "a character that IDNA 2008 does not allow in its place"),
        ("a\u200cb.test", "a character that IDNA 2008 does not allow in its place"),
        ("a·b.test", "a character that IDNA 2008 does not allow in its place"),
        ("exam\u202eple.test", "a character that IDNA 2008 does not allow in its place"),
        ("éa--b.é--c.test", "a character that IDNA 2008 does not allow in its place"),
        ("xn--zz.test", "no A-label of IDNA 2008, 'xn--zz'"),
        ("xn--.test", "no A-label of IDNA 2008, 'xn--'"),
        ("xn--strae-oqa-.test", "no A-label of IDNA 2008, 'xn--strae-oqa-'"),
        ("xn--abc-.test", "no A-label of IDNA 2008, 'xn--abc-'"),
        ("xn--i-7iq.test", "no A-label of IDNA 2008, 'xn--i-7iq'"),
        ("xn--Strae-Oqa.xn--STRASSE-XYZ9.test", "no A-label of IDNA 2008"),
        ("אa.test", "mixes directions of writing"),
        ("1.אבג.test", "mixes directions of writing"),
        ("1.xn--4dbcd.test", "mixes directions of writing"),
        ("אבג..test", "neither a domain name nor an IP address"),
        ("straße..test", "neither a domain name nor an IP address"),
        (".straße.test", "neither a domain name nor an IP address"),
        ("straße.-a.test", "neither a domain name nor an IP address"),
        ("straße.a b.test", "neither a domain name nor an IP address"),
        ("straße.test..", "neither a domain name nor an IP address"),
        ("é" * 60 + ".test", "longer than a domain name, 253 octets with at most 63 in each label"),
        ("é" * 300 + ".test", "longer than a domain name, 253 octets with at most 63 in each label"),
        ("a" * 64 + ".test", "longer than a domain name, 253 octets with at most 63 in each label"),
        (".".join(["a" * 50] * 5), "longer than a domain name, 253 octets with at most 63 in each label"),
    ],
)
def test_what_is_no_name_says_why(written: str, why: str) -> None:
    """Every refusal says what is wrong and what to do."""
    with pytest.raises(BadName, match=r"; check its spelling$") as caught:
        a_labels(written)
    assert why in str(caught.value)


@given(st.text(max_size=30) | st.from_regex(r"\Axn--[a-z0-9-]{1,30}\Z"))
@example("xn--a-ecp.ru")
@example("xn--ls8h=")
def test_a_text_is_a_name_with_one_form_or_refused(text: str) -> None:
    """Encoding what was decoded gives the same A-labels, whatever was written."""
    try:
        name = a_labels(text)
    except BadName:
        return
    assert name.isascii()
    assert a_labels(name) == a_labels(u_labels(name)) == name


def test_digits_of_another_width_are_an_address() -> None:
    """Browsers go to the address, too."""
    assert normalise_host("１２７.0．0｡1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail:strasse.test", "mail:strasse.test"),
        ("mail:xn--strae-oqa.test", "mail:xn--strae-oqa.test (straße.test)"),
        ("https://www.xn--strae-oqa.test:8443/xn--a", "https://www.xn--strae-oqa.test:8443/xn--a (www.straße.test)"),
        ("*.xn--strae-oqa.test, xn--b-8xm.vn", "*.xn--strae-oqa.test, xn--b-8xm.vn (straße.test, bộ.vn)"),
        ("xn--zz.test", "xn--zz.test"),
        ("xn--mgba3gch31f060k.test", "xn--mgba3gch31f060k.test (نامه\\u200cای.test)"),
        ("max-age=1; xn--", "max-age=1; xn--"),
    ],
)
def test_u_labels_are_written_behind_a_labels(text: str, shown: str) -> None:
    """The A-labels always stay; what cannot be seen in a U-label is escaped."""
    assert with_u_labels(text) == shown
