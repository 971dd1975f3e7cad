from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "no-queue-reachable",
    title="No message queue is reachable",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 12.2"),
)
def no_queue_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """A message queue connects the parts of a system; who reaches it can read and send the messages that they trust.

    Remediation: bind the broker (AMQP, MQTT, Kafka, NATS, ZooKeeper) to an internal address and let the firewall accept
    connections from the system's own servers only; let devices outside connect over TLS with certificates of their own.
    """
    return none_reachable(Role.QUEUE, ports, banners)
