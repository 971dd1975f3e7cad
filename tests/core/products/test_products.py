"""Products in what servers say of themselves, and what tables say of them."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import ApplianceRole, Appliances, EndOfSupport, KnownExploited, Place, Product, masked, products_in
from inspector.model.table import Table
from inspector.products.exploited import Affected, ExploitedProduct, Vulnerability
from inspector.products.support import Support
from inspector.products.version import is_within, version_of
from inspector.registry.registry import installed
from inspector.tables.store import shipped_tables

TABLES = {each.name: each for each in shipped_tables(installed())}
SUPPORT = EndOfSupport.of(TABLES["end-of-support"])
EXPLOITED = KnownExploited.of(TABLES["known-exploited"])
ON = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("nginx/1.22.1", ["nginx 1.22.1"]),
        ("nginx", ["nginx"]),
        (
            "Apache/2.4.41 (Ubuntu) OpenSSL/1.1.1f PHP/7.4.3",
            ["Apache httpd 2.4.41 (Ubuntu)", "OpenSSL 1.1.1f (Ubuntu)"],
        ),
        ("Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips", ["Apache httpd 2.4.6 (CentOS)", "OpenSSL 1.0.2k (CentOS)"]),
        ("Apache-Coyote/1.1", []),
        ("mod_nginx/1.2.3 not-Apache/2.4.49", []),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", ["OpenSSH 9.2 (Debian 12)"]),
        ("SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5", ["OpenSSH 9.6 (Ubuntu)"]),
        ("SSH-2.0-OpenSSH_for_Windows_8.1", ["OpenSSH 8.1"]),
        ('{"version":{"number":"2.11.0"}}', []),
        ("SSH-2.0-dropbear_2022.83", ["Dropbear 2022.83"]),
        ("220 ProFTPD Server (Debian) [::1]", ["ProFTPD (Debian)"]),
        ("220 (vsFTPd 3.0.3)", ["vsftpd 3.0.3"]),
        (r"J\x00\x00\x00\n5.5.5-10.11.14-MariaDB-0+deb12u2\x00", ["MariaDB 10.11.14 (Debian 12)"]),
        (r"J\x00\x00\x00\n8.0.36-0ubuntu0.22.04.1\x00", ["MySQL 8.0.36 (Ubuntu)"]),
        (r"J\x00\x00\x00\n11.8.3-MariaDB\x00", ["MariaDB 11.8.3"]),
        (r"4\x00\x00\x00\n5.7.44\x00\x08", ["MySQL 5.7.44"]),
        ("we run PHP 8.1 here, and nginx 1.2 too", []),
        ("PHP/8.1.2-1ubuntu2.14", ["PHP 8.1.2 (Ubuntu)"]),
        ("220 m ESMTP Exim 4.94_2 Mon", ["Exim 4.94.2"]),
        ("220 m ESMTP Exim 4.82_1-5b7a7c0-XX Mon", ["Exim 4.82.1"]),
        # Hidden: the product is there all the same.
        ("220 m ESMTP Exim Mon", ["Exim"]),
        ("Apache", ["Apache httpd"]),
        ("Apache/2", ["Apache httpd 2"]),
        ("Microsoft-IIS", ["Microsoft IIS"]),
        ("PHP", ["PHP"]),
        ("220 (vsFTPd)", ["vsftpd"]),
        # Builds before a release, and versions that are not whole.
        ("220 m ESMTP Exim 4.94-RC2 Mon", ["Exim"]),
        ("Apache/2.4.58rc1", ["Apache httpd"]),
        ("PHP/8.4.0RC1", ["PHP"]),
        ("PHP/8.2.0-dev", ["PHP"]),
        ("OpenSSL/3.0.0-beta1", ["OpenSSL"]),
        ("Apache Tomcat/9.0.0.M17", ["Apache Tomcat"]),
        ("Apache Tomcat/8.5.x", ["Apache Tomcat"]),
        ("nginx/1.25.3.1.4.5.6", ["nginx"]),
        # Packages of others than the distribution.
        ("PHP/8.1.0-1+0~20220101.1+debian11~1.gbp123", ["PHP 8.1.0"]),
    ],
)
def test_products_are_recognised_in_their_own_form(text: str, titles: list[str]) -> None:
    """Name, version and packager are read as the product writes them; a name in free text is none."""
    assert [each.title for each in products_in([text])][: len(titles)] == titles
    assert bool(products_in([text])) == bool(titles)


@given(st.text(max_size=3000))
def test_no_text_fails_or_gives_a_version_that_is_none(text: str) -> None:
    """Whatever a server sends, what is recognised has a version that can be compared, or none."""
    for each in products_in([text, f"Apache/{text}"]):
        if each.version:
            version_of(each.version)
        assert len(each.title) < 200


def test_packages_of_a_third_party_are_those_of_a_distribution() -> None:
    """Whoever packages PHP for Debian beside it may have fixed what is out of its maker's support."""
    for text in ("PHP/7.4.33-1+0~20221108.73+debian11~1.gbp60cd5c", "PHP/5.6.40-1~dotdeb.1"):
        (product,) = products_in([text])
        assert SUPPORT.support(product, ON)[0] is Support.PACKAGED


@pytest.mark.parametrize(
    ("version", "was_out"),
    [
        ("8.4.11", True),
        ("8.4.12", False),
        ("8.3.24", True),
        ("8.3.25", False),
        ("8.5.0", False),
        ("9.0", False),
        ("7.4.33", True),
        ("8.4", True),
    ],
)
def test_a_version_newer_than_its_branch_on_the_day_of_the_table_was_not_out(version: str, was_out: bool) -> None:
    """A new patch release of an old branch is newer than the table, whatever number other branches had."""
    php = ExploitedProduct(product="php", newest=("8.4.11", "8.3.24"))
    assert php.was_out(version) is was_out
    assert ExploitedProduct(product="php").was_out(version) is False


@pytest.mark.parametrize(
    ("only", "is_windows", "affects"),
    [
        ("windows", True, True),
        ("windows", False, False),
        ("windows", None, None),
        ("unix", True, False),
        ("unix", False, True),
        ("unix", None, None),
        (None, None, True),
    ],
)
def test_a_vulnerability_of_one_platform_affects_no_other(
    only: Literal["windows", "unix"] | None, is_windows: bool | None, affects: bool | None
) -> None:
    """Where the text does not show the platform, neither is said."""
    one = Vulnerability(cve="CVE-2024-4577", added=ON, affected=(Affected(last="2.0"),), only=only)
    assert one.affects(Product("php", "1.0", is_windows=is_windows)) is affects
    assert one.affects(Product("php", "2.1", is_windows=is_windows)) is False


def test_a_product_has_its_name_in_cpe() -> None:
    """Vendor, product and version are those of the dictionary."""
    (product,) = products_in(["Apache/2.4.49 (Unix)"])
    assert product.cpe == "cpe:2.3:a:apache:http_server:2.4.49:*:*:*:*:*:*:*"


@pytest.mark.parametrize(
    ("version", "cycle", "within"),
    [("8.2.33", "8.2", True), ("8.20", "8.2", False), ("8", "8.2", False), ("1.1.1w", "1.1.1", True)],
)
def test_a_version_belongs_to_a_cycle_by_its_numbers(version: str, cycle: str, within: bool) -> None:
    """Numbers are compared, not letters of the text."""
    assert is_within(version, cycle) is within


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("2.4.48", False),
        ("2.4.49", True),
        ("2.4.50", True),
        ("2.4.51", False),
        ("2.4", None),
        ("2", None),
        ("2.10.1", False),
        ("1.0.1f", False),
    ],
)
def test_a_version_that_names_too_few_numbers_is_neither_affected_nor_not(version: str, has: bool | None) -> None:
    """2.4 may be 2.4.49; 2.10 is not between 2.4.49 and 2.4.50."""
    assert Affected(first="2.4.49", last="2.4.50").has(version) is has


@pytest.mark.parametrize(
    ("product", "on", "expected"),
    [
        (Product("nginx", "1.28.0"), date(2026, 4, 14), Support.SUPPORTED),
        (Product("nginx", "1.25.3"), ON, Support.ENDED),
        (Product("nginx", "1.22.1"), ON, Support.PACKAGED),
        (Product("nginx", ""), ON, Support.UNNUMBERED),
        (Product("openssh", "9.9"), ON, Support.UNLISTED),
        (Product("openssh", "9.2", "debian", "12"), ON, Support.PACKAGED),
        (Product("openssh", "8.4", "debian", "11"), ON, Support.ENDED),
        (Product("openssh", "8.4", "debian"), ON, Support.ENDED),
        (Product("openssh", "7.2", "ubuntu"), ON, Support.PACKAGED),
        (Product("openssh", "7.9", "other"), ON, Support.PACKAGED),
        (Product("openssh", "1.2", "debian"), ON, Support.PACKAGED),
        (Product("iis", "8.5"), date(2026, 10, 13), Support.EXTENDED),
        (Product("iis", "8.5"), date(2026, 10, 14), Support.ENDED),
    ],
)
def test_support_is_that_of_the_day(product: Product, on: date, expected: Support) -> None:
    """A distribution that is supported, or not known, leaves it open; one that is not decides."""
    assert SUPPORT.support(product, on)[0] is expected


def test_every_entry_of_the_shipped_tables_can_be_used() -> None:
    """Extended support ends later, each product can be recognised, and the newest version of one is not affected."""
    for each in SUPPORT.entries:
        assert each.extended is None or (each.ends is not None and each.ends < each.extended), each
    assert len({(each.product, each.cycle) for each in SUPPORT.entries}) == len(SUPPORT.entries)
    distributions = {each.product for each in SUPPORT.entries if each.packages} | {"almalinux", "rocky-linux"}
    named = {each.product for each in SUPPORT.entries} - distributions
    for name in named | {name for each in SUPPORT.entries for name in each.packages}:
        assert Product(name, "1").title
    assert len({entry.product for entry in EXPLOITED.entries}) == len(EXPLOITED.entries)
    for entry in EXPLOITED.entries:
        assert Product(entry.product, "1").title
        assert entry.newest, entry.product
        assert not any(one.affects(Product(entry.product, entry.newest[0])) for one in entry.vulnerabilities)
        for one in entry.vulnerabilities:
            assert one.added.year >= one.known_since.year
            assert one.added <= TABLES["known-exploited"].dated


@pytest.mark.parametrize(
    ("place", "text", "products"),
    [
        (Place.SERVER, "PanWeb Server/ -", ("Palo Alto GlobalProtect",)),
        (Place.PATH, "/+CSCOE+/logon.html", ("Cisco AnyConnect (ASA, FTD)",)),
        (Place.PATH, "/sslvpn/Login/Login", ("Check Point Mobile Access",)),
        (Place.PATH, "/sslvpn/", ()),
        (Place.COOKIE, "SVPNCOOKIE2", ()),
        (Place.SERVER, "/remote/login", ()),
    ],
)
def test_an_appliance_is_recognised_by_its_whole_mark(place: Place, text: str, products: tuple[str, ...]) -> None:
    """A mark counts at its place, whole or as the beginning, and not where other software may have the same."""
    appliances = Appliances.of(TABLES["appliances"])
    assert appliances.recognised(ApplianceRole.VPN_GATEWAY, {place: [text]}) == products
    assert appliances.recognised(ApplianceRole.HYPERVISOR, {place: [text]}) == ()


def test_no_mark_is_one_that_other_software_has() -> None:
    """Paths of general names were taken for consoles of backups once."""
    appliances = Appliances.of(TABLES["appliances"])
    for path in ("/opscenter/index.html", "/adminconsole/", "/commandcenter/", "/cgi-bin/login.html", "/websso/login"):
        assert not any(appliances.recognised(role, {Place.PATH: [path]}) for role in ApplianceRole)


def test_a_table_is_known_by_its_canonical_form() -> None:
    """The digest is that of the content, whatever the file looks like."""
    table = TABLES["known-exploited"]
    assert Table.parse(table.model_dump_json(indent=3)).digest == table.digest


def test_what_is_recognised_is_kept_when_texts_are_masked() -> None:
    """Marks of appliances and names of products stay what they are in what a capture stores."""
    appliances = Appliances.of(TABLES["appliances"])
    told = [mark for each in appliances.entries for mark in each.marks if mark.place in (Place.SERVER, Place.BANNER)]
    assert told
    for mark in told:
        text = mark.exactly or mark.begins
        assert any(mark.is_in(masked(each.encode()).decode()) for each in (text, f"{text}/3.0"))
    greetings = (
        *("220 Serv-U FTP Server v15.1.6 ready...", "220 X2 WS_FTP Server 7.6.3", "SSH-2.0-Erlang/5.2.9"),
        *("220 mail ESMTP Exim 4.94_2 Mon", "220 (vsFTPd 3.0.3)", "Apache/2.4.49 (Unix) OpenSSL/1.0.1f"),
    )
    for text in greetings:
        assert products_in([masked(text.encode()).decode()]) == products_in([text]) != ()
