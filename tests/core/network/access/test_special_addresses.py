"""Special-purpose addresses, which a name does not cover."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.network.access.special_addresses import is_never_named, special_purpose

INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
]


@pytest.mark.parametrize(
    ("address", "purpose"),
    [
        *[("127.0.0.1", "loopback"), ("::1", "loopback"), ("0.0.0.0", "unspecified"), ("::", "unspecified")],
        *[("10.255.255.255", "private"), ("172.16.0.1", "private"), ("192.168.0.1", "private"), ("fd12::1", "private")],
        *[("169.254.0.1", "link-local"), ("fe80::1", "link-local"), ("fe80::1%eth0", "link-local")],
        *[("169.254.169.254", "cloud metadata"), ("fd00:ec2::254", "cloud metadata")],
        *[("100.100.100.200", "cloud metadata"), ("168.63.129.16", "cloud metadata")],
        *[
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("4000::1", "reserved"),
        ],
        *[("192.0.2.1", "documentation"), ("2001:db8::1", "documentation"), ("198.18.0.1", "benchmarking")],
        *[
            ("8.8.8.8", None),
            ("172.32.0.1", None),
            ("2606:4700::1", None),
            ("2002:808:808::1", None),
            ("shop.test", None),
        ],
        *[
            ("64:ff9b::808:808", None),
            ("::ffff:8.8.8.8", None),
            ("shop.test", None),
            ("64:ff9b:1::a00:1", "local NAT64"),
        ],
    ],
)
def test_purpose_of_an_address(address: str, purpose: str | None) -> None:
    """The registries of RFC 6890, multicast, reserved blocks and metadata services."""
    assert special_purpose(address) == purpose


def forms(inner: str) -> list[str]:
    """IPv6 addresses that contain an IPv4 one: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP."""
    number = int(ipaddress.IPv4Address(inner))
    found = [0xFFFF << 32 | number, number, 0xFFFF << 48 | number]
    found += [0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1]
    found += [0x2606470012340000 << 64 | identifier << 32 | number for identifier in (0x5EFE, 0x02005EFE)]
    found.append(0x20010000 << 96 | 0x08080808 << 64 | (number ^ 0xFFFFFFFF))
    return [str(ipaddress.IPv6Address(each)) for each in found if each > 1]


@given(st.sampled_from(INSIDE) | st.ip_addresses(v=4).map(str))
def test_an_embedded_address_counts(inner: str) -> None:
    """An IPv6 form of an IPv4 address is as special as that one."""
    for each in forms(inner):
        assert (special_purpose(each), is_never_named(each)) == (special_purpose(inner), is_never_named(inner)), each


@given(st.sampled_from(INSIDE))
def test_both_halves_of_an_address_count(inner: str) -> None:
    """A special address in the interface identifier of ISATAP counts below every prefix, and the prefix itself does."""
    number = int(ipaddress.IPv4Address(inner))
    below = [0x2606470012340000, 0x2002080808080000, 0x2001000008080808]
    for prefix in below:
        assert special_purpose(str(ipaddress.IPv6Address(prefix << 64 | 0x5EFE << 32 | number))) is not None
    assert special_purpose("fd00::5efe:808:808") == "private"
    assert is_never_named("fe80::5efe:808:808")
    assert special_purpose("2606:4700::5efe:808:808") is None


@given(st.sampled_from([48, 56, 64, 96]))
def test_local_nat64_leads_to_no_metadata_service(bits: int) -> None:
    """Whatever length its owner chose for the prefix (RFC 6052 §2.2); and it is special as a whole (RFC 8215)."""
    inner = int(ipaddress.IPv4Address("169.254.169.254"))
    after = {48: inner >> 16 << 64 | (inner & 0xFFFF) << 40, 56: inner >> 24 << 64 | (inner & 0xFFFFFF) << 32}
    after |= {64: inner << 24, 96: inner}
    address = str(ipaddress.IPv6Address(0x0064FF9B0001 << 80 | after[bits]))
    assert is_never_named(address), address
    assert special_purpose(address) == "local NAT64"
    assert special_purpose("64:ff9b:1::808:808") == "local NAT64"


@given(st.ip_addresses().map(str))
def test_what_the_standard_library_calls_private_is_special(address: str) -> None:
    """No address that Python counts as private, link-local, multicast or reserved is one of the Internet."""
    parsed = ipaddress.ip_address(address)
    embeds = isinstance(parsed, ipaddress.IPv6Address) and any((parsed.ipv4_mapped, parsed.sixtofour, parsed.teredo))
    if embeds or any(parsed in ipaddress.ip_network(each) for each in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")):
        return
    if parsed.is_private or parsed.is_link_local or parsed.is_multicast or parsed.is_reserved or parsed.is_loopback:
        assert special_purpose(address) is not None
