"""Endpoint URIs have one form, and what is no endpoint is refused with what to write instead."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.subject import (
    HOST,
    TCP,
    UDP,
    BadUri,
    Scheme,
    SubjectKind,
    UriForm,
    is_address,
    normalise_host,
    parse_uri,
    subject_of,
)

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        HOST,
        TCP,
        UDP,
        Scheme("https", UriForm.PAGE, 443),
        Scheme("http", UriForm.PAGE, 80),
        Scheme("tls", port=443),
    )
}

labels = st.from_regex(r"\A[a-zA-Z]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?\Z")
names = (
    st.lists(labels, min_size=1, max_size=4)
    .map(".".join)
    .filter(lambda name: not name.lower().split(".")[-1].startswith("0x"))
)
addresses = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda address: f"[{address}]"))
hosts = st.one_of(names, addresses)
ports = st.integers(1, 65535)
paths = st.text(st.characters(min_codepoint=33, exclude_characters="?#\x7f", exclude_categories=["Cs"]), max_size=12)


@given(st.sampled_from(["https", "HTTPS", "http"]), hosts, st.none() | ports, paths, st.none() | paths)
def test_a_page_has_one_form(scheme: str, host: str, port: int | None, path: str, query: str | None) -> None:
    """Reading what a page's URI is written as gives the same URI: normalising twice changes nothing."""
    written = f"{scheme}://{host}{'' if port is None else f':{port}'}/{path}{'' if query is None else f'?{query}'}"
    uri = parse_uri(written, SCHEMES)
    assert parse_uri(str(uri), SCHEMES) == uri
    assert str(uri).isascii()
    assert uri.port == (port or uri.scheme.port)


@given(st.sampled_from(["tcp", "udp", "tls"]), hosts, ports)
def test_a_service_has_one_form(scheme: str, host: str, port: int) -> None:
    """Reading what a service's URI is written as gives the same URI, whose path is empty."""
    uri = parse_uri(f"{scheme}://{host.upper()}:{port}/", SCHEMES)
    assert parse_uri(str(uri), SCHEMES) == uri
    assert (uri.port, uri.path, uri.service) == (port, "", str(uri))


@given(hosts)
def test_a_host_has_one_form(host: str) -> None:
    """Letter case, brackets and a final dot make no difference; addresses are written in their canonical form."""
    normal = normalise_host(host)
    assert normalise_host(normal) == normal == normalise_host(host.upper())
    assert str(parse_uri(f"host:{host}", SCHEMES)) == f"host:{normal}"
    if is_address(normal):
        assert str(ipaddress.ip_address(normal)) == normal
    else:
        assert normalise_host(f"{host}.") == normal


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_uri_or_refused(text: str) -> None:
    """The parser raises only BadUri, and a parsed URI keeps its form."""
    for prefix in ("", "https://", "tcp://a:", "host:"):
        try:
            uri = parse_uri(prefix + text, SCHEMES)
        except BadUri as error:
            assert "; " in str(error)  # noqa: PT017  (every refusal says what to do)
        else:
            assert parse_uri(str(uri), SCHEMES) == uri


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://WWW.Example.VN", "https://www.example.vn/"),
        ("https://www.example.vn:443/", "https://www.example.vn/"),
        ("https://www.example.vn.:8443/a", "https://www.example.vn:8443/a"),
        ("https://bộ.vn/điện%20tử", "https://xn--b-8xm.vn/%C4%91i%E1%BB%87n%20t%E1%BB%AD"),
        ("https://a/%7Eb/%2f?q=%c3%a9&x=é#part", "https://a/~b/%2F?q=%C3%A9&x=%C3%A9"),
        ("https://a/100%", "https://a/100%25"),
        ("https://a/%FF", "https://a/%FF"),
        ("https://[2001:DB8:0:0::1]/", "https://[2001:db8::1]/"),
        ("tls://a", "tls://a"),
        ("TCP://a:22", "tcp://a:22"),
        ("host:[::1]", "host:::1"),
        ("host:A.b.", "host:a.b"),
    ],
)
def test_endpoints_are_normalised(written: str, normal: str) -> None:
    """An endpoint is known by its normal form: A-labels, no default port, needful escapes only, no fragment."""
    assert str(parse_uri(written, SCHEMES)) == normal


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("www.example.vn", "'www.example.vn' has no scheme; write for example https://www.example.vn/ (known:"),
        ("https://::1:8443/", "'https://::1:8443/' has an IPv6 address without brackets; write https://[ADDRESS]:PORT"),
        ("ssh://a/", "SSH is not inspected; declare host:NAME, whose scan of ports also finds SSH"),
        ("gopher://a/", "scheme 'gopher' is not known; known schemes: host, http, https, tcp, tls, udp"),
        ("hsot:a", "scheme 'hsot' is not known; did you mean host:?"),
        ("htps://a/", "scheme 'htps' is not known; did you mean https://?"),
        ("https:a", "'https:a' names no host; write https://HOST[:PORT]"),
        ("https:///a", "'https:///a' names no host; write https://HOST[:PORT]"),
        ("https://user:secret@a/", "an endpoint must not contain a user name or password; remove it"),
        ("https://a b/", "'https://a b/' contains a space or control character; percent-encode it"),
        ("https://a:0/", "'https://a:0/' has port 0; write a port from 1 to 65535"),
        ("https://a:99999/", "'https://a:99999/' cannot be read: "),
        ("https://[::1/", "'https://[::1/' cannot be read: "),
        ("https://256.1.1.1/", "'256.1.1.1' resembles an IPv4 address but is none; write four numbers from 0 to 255"),
        ("https://0x7f000001/", "'0x7f000001' resembles an IPv4 address but is none; "),
        ("https://2130706433/", "'2130706433' resembles an IPv4 address but is none; "),
        ("https://127.1/", "'127.1' resembles an IPv4 address but is none; "),
        ("https://a_b..c/", "'a_b..c' is neither a domain name nor an IP address; check its spelling"),
        ("https://-a/", "'-a' is neither a domain name nor an IP address; check its spelling"),
        ("https://[fe80::1%25eth0]/", "'fe80::1%25eth0' has a zone id, which is valid on one machine only; "),
        ("tcp://a", "'tcp://a' needs a port; write tcp://HOST:PORT"),
        ("tcp://a:1/path", "'tcp://a:1/path' has a path; a tcp endpoint is written without"),
        ("host://a", "'host://a' has slashes; write host:NAME"),
        ("host:", "'' is neither a domain name nor an IP address; check its spelling"),
    ],
)
def test_what_is_no_endpoint_says_what_to_write(written: str, why: str) -> None:
    """Every error says what is wrong and what to write."""
    with pytest.raises(BadUri) as caught:
        parse_uri(written, SCHEMES)
    assert str(caught.value).startswith(why)


def test_two_pages_of_one_service_share_their_address_subject() -> None:
    """The subject of an address is the service without its path, that of a page the page."""
    one, two = (parse_uri(f"https://a:8443/{page}", SCHEMES) for page in ("1", "2"))
    assert subject_of(one, SubjectKind.ADDRESS, address="::1") == subject_of(two, SubjectKind.ADDRESS, address="::1")
    assert subject_of(one, SubjectKind.URL) != subject_of(two, SubjectKind.URL)
    assert subject_of(one, SubjectKind.HOST).uri == "host:a"
    assert subject_of(one, SubjectKind.SYSTEM).uri == "system:"
