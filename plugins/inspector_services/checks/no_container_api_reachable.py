from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "no-container-api-reachable",
    title="No container or cluster interface is reachable",
    references=("NIST SP 800-190 §4.3", "NIST SP 800-53 SC-7"),
)
def no_container_api_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """The interfaces of Docker, Kubernetes, etcd, Consul and Nomad run programs and hold the secrets of the whole
    cluster: one weak credential or vulnerability gives all of it away.

    Remediation: bind these interfaces to internal addresses (TCP 2375-2380, 4646, 6443, 8500, 10250, 10255), let the
    firewall accept connections from administrators and from the cluster's own nodes only.
    """
    return none_reachable(Role.CONTAINER, ports, banners)
