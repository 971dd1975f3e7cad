"""The identity of products that Debian does not have, written from their vendors' documents."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from inspector import Answer, Cause
from inspector_services.observations import Banner, ServiceProtocol
from tests.plugins.inspector_services.scanning import host, identified, opened
from tests.plugins.inspector_services.servers import own_address, speaking

#: Port, protocol, product, version, authentication.
PRODUCTS: dict[str, tuple[int, ServiceProtocol, str, str, bool | None]] = {
    "amqp": (5672, ServiceProtocol.AMQP, "RabbitMQ", "3.10.8", True),
    "amqp-anonymous": (5672, ServiceProtocol.AMQP, "RabbitMQ", "3.10.8", None),
    "cassandra": (9042, ServiceProtocol.CASSANDRA, "", "", False),
    "cassandra-password": (9042, ServiceProtocol.CASSANDRA, "", "", True),
    "activemq": (61616, ServiceProtocol.OPENWIRE, "ActiveMQ", "", None),
    "bolt": (7687, ServiceProtocol.BOLT, "Neo4j", "", None),
    "consul": (8500, ServiceProtocol.CONSUL, "Consul", "", False),
    "consul-acl": (8500, ServiceProtocol.CONSUL, "Consul", "", True),
    "console+tls": (9443, ServiceProtocol.ADMINISTRATION_PAGE, "Veeam", "", None),
    "couchdb": (5984, ServiceProtocol.COUCHDB, "CouchDB", "3.3.3", None),
    "docker": (2375, ServiceProtocol.DOCKER, "Docker", "24.0.7", False),
    "elasticsearch": (9200, ServiceProtocol.ELASTICSEARCH, "Elasticsearch", "7.17.9", False),
    "elasticsearch+tls": (9200, ServiceProtocol.ELASTICSEARCH, "Elasticsearch", "7.17.9", False),
    "elasticsearch-password": (9200, ServiceProtocol.ELASTICSEARCH, "Elasticsearch", "", True),
    "epmap": (135, ServiceProtocol.DCERPC, "", "", None),
    "esxi": (8000, ServiceProtocol.ADMINISTRATION_PAGE, "VMware ESXi", "", None),
    "ica": (1494, ServiceProtocol.ICA, "", "", None),
    "kafka": (9092, ServiceProtocol.KAFKA, "", "", None),
    "kubernetes": (6443, ServiceProtocol.KUBERNETES, "Kubernetes", "1.30.2", True),
    "kubernetes-open": (6443, ServiceProtocol.KUBERNETES, "Kubernetes", "1.30.2", False),
    "kubernetes-open+tls": (6443, ServiceProtocol.KUBERNETES, "Kubernetes", "1.30.2", False),
    "mongodb": (27017, ServiceProtocol.MONGODB, "", "", None),
    "mssql": (1433, ServiceProtocol.MSSQL, "Microsoft SQL Server", "15.0.2000", None),
    "mssql-tls": (1433, ServiceProtocol.MSSQL, "Microsoft SQL Server", "15.0.2000", None),
    "mysqlx": (33060, ServiceProtocol.MYSQLX, "", "", None),
    "nats": (4222, ServiceProtocol.NATS, "NATS", "2.9.10", False),
    "nats-password": (4222, ServiceProtocol.NATS, "NATS", "2.9.10", True),
    "opensearch": (9200, ServiceProtocol.ELASTICSEARCH, "OpenSearch", "2.11.1", False),
    "oracle": (1521, ServiceProtocol.ORACLE, "Oracle Database", "", None),
    "oracle-21": (1521, ServiceProtocol.ORACLE, "Oracle Database", "21.0.0.0.0", None),
    "oracle-21+tls": (2484, ServiceProtocol.ORACLE, "Oracle Database", "21.0.0.0.0", None),
    "pptp": (1723, ServiceProtocol.PPTP, "", "", None),
    "rdp-nla": (3389, ServiceProtocol.RDP, "", "", None),
    "rdp-optional": (3389, ServiceProtocol.RDP, "", "", None),
    "rlogin": (513, ServiceProtocol.RLOGIN, "", "", None),
    "webmin": (10000, ServiceProtocol.ADMINISTRATION_PAGE, "Webmin", "", None),
    "winrm": (5985, ServiceProtocol.WINRM, "", "", None),
    "winrm-password": (5985, ServiceProtocol.WINRM, "", "", None),
    "zookeeper": (2181, ServiceProtocol.ZOOKEEPER, "ZooKeeper", "3.8.0", None),
    "zookeeper-closed": (2181, ServiceProtocol.ZOOKEEPER, "ZooKeeper", "", None),
}
#: What identifies no product: connections that speak different protocols, and some that get no answer.
TROUBLED = {"alternating": 20022, "rdp-late": 3389, "rdp-mute": 3389}


@pytest.fixture(scope="module")
def scripted() -> dict[str, Answer[Banner]]:
    """What was identified of each product."""
    with ExitStack() as stack:
        jobs = []
        places = {**{name: port for name, (port, *_) in PRODUCTS.items()}, **TROUBLED}
        for name, port in places.items():
            address = own_address()
            stack.enter_context(speaking(address, {port: name}))
            jobs.append((host(address), opened(port)))
        found = identified(*jobs)
    return {name: facts.banner_of(port) for (name, port), facts in zip(places.items(), found, strict=True)}


def test_title_and_subject_are_what_any_visitor_gets(scripted: dict[str, Answer[Banner]]) -> None:
    """The title of the page, and the certificate's subject inside TLS, by attributes."""
    page = scripted["console+tls"].value
    assert (page.title, page.subject, page.tls) == ("Veeam Backup Enterprise Manager", ("CN=server",), True)
    assert scripted["esxi"].value.subject == ()


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_identified_by_its_answer(scripted: dict[str, Answer[Banner]], name: str) -> None:
    """The answer to a harmless question shows the product, and whether it serves a client without a log-in."""
    banner = scripted[name].value
    _, *expected = PRODUCTS[name]
    assert [banner.protocol, banner.product, banner.version, banner.authentication] == expected


def test_free_texts_of_a_product_are_not_stored(scripted: dict[str, Answer[Banner]]) -> None:
    """Names of clusters, nodes and addresses are masked or left out."""
    texts = " ".join(answer.seen.text for answer in scripted.values() if answer.seen)
    assert not any(word in texts for word in ("billing", "node-7", "10.1.2.3"))


def test_a_server_that_alternates_is_unstable(scripted: dict[str, Answer[Banner]]) -> None:
    """A port where the number suggests nothing is greeted twice; two protocols are none."""
    assert scripted["alternating"].unseen is Cause.UNSTABLE


@pytest.mark.parametrize(("name", "tls", "standard"), [("rdp-nla", False, False), ("rdp-optional", True, True)])
def test_nla_is_required_where_nothing_else_is_accepted(
    scripted: dict[str, Answer[Banner]], name: str, tls: bool, standard: bool
) -> None:
    """A server with NLA may accept connections without it."""
    rdp = scripted[name].value.rdp
    assert rdp is not None
    assert (rdp.nla.value, rdp.tls.value, rdp.standard.value) == (True, tls, standard)


@pytest.mark.parametrize(
    ("name", "tls"), [("rdp-late", Answer[bool](seen=False)), ("rdp-mute", Answer[bool](unseen=Cause.TIMEOUT))]
)
def test_a_request_that_gets_no_answer_in_time_is_no_refusal(
    scripted: dict[str, Answer[Banner]], name: str, tls: Answer[bool]
) -> None:
    """It is made once more; then what the server accepts is unseen, and what it answered to others counts."""
    rdp = scripted[name].value.rdp
    assert rdp is not None
    assert (rdp.nla.value, rdp.tls, rdp.standard.value) == (True, tls, False)
