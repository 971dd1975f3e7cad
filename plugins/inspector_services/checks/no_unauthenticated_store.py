from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.exposure import PROTOCOLS, exposure, named, undecided
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role, ports_of

ROLES = (Role.DATABASE, Role.QUEUE, Role.CONTAINER)


@check(
    "no-unauthenticated-store",
    title="Databases, caches, queues and cluster interfaces ask for a log-in",
    references=("NIST SP 800-53 IA-2", "CWE-306"),
)
def no_unauthenticated_store(ports: OpenPorts, banners: Banners) -> Verdict:
    """A store that serves a client without a log-in gives all its data, and mostly the server itself, to everybody who
    reaches it; such servers are found and emptied within hours.

    Only the first question of an ordinary client is asked (Redis ``PING``, memcached ``version``, ``/`` of
    Elasticsearch, ``/version`` of Docker, ``/api`` of Kubernetes and the like), never one for data. MongoDB, etcd,
    Kafka and some others answer it whether or not they ask for a log-in later: of these nothing is concluded.

    Remediation: set a password and require it (Elasticsearch ``xpack.security.enabled: true``, NATS ``authorization``),
    require client certificates (Docker ``--tlsverify``, etcd ``--client-cert-auth``), turn off anonymous access
    (Kubernetes ``--anonymous-auth=false``), and bind the service to an internal address.
    """
    protocols = {protocol for role in ROLES for protocol in PROTOCOLS[role]}
    seen = ((each.port, each.banner.seen) for each in banners.ports)
    stores = [(port, banner) for port, banner in seen if banner and banner.protocol in protocols]
    if served := {port: named(port, banner) for port, banner in stores if banner.authentication is False}:
        facts = ("/ports", *ports.at(served))
        return failed("serves clients that do not log in: {measured}", measured=served.values(), facts=facts)
    if unknown := [named(port, banner) for port, banner in stores if banner.authentication is None]:
        return inconclusive(
            "does not show whether it asks for a log-in: {measured}", measured=unknown, cause=Cause.AMBIGUOUS
        )
    numbers = {port for role in ROLES for port in ports_of(role)}
    found = exposure(protocols, numbers, ports, banners)
    return undecided(found) or passed(
        "no store on the {scanned} TCP ports scanned served a client without a log-in", scanned=ports.scanned
    )
