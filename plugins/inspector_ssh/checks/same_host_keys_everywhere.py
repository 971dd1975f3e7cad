"""The host keys of a host with several addresses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from inspector import Every, SubjectKind, Verdict, check, failed, not_applicable, passed
from inspector_ssh.observations import Ssh


@check(
    "ssh-same-host-keys-everywhere",
    title="SSH host keys are the same at every address of a host",
    references=("RFC 4251 §4.1",),
    about=SubjectKind.HOST,
)
def same_host_keys_everywhere(ssh: Every[Ssh]) -> Verdict:
    """A client remembers a server's key by its name: where one address shows another key, users get a warning, learn to
    ignore it, and miss a real attack; or the address is one that belongs to another machine. The check does not apply
    where each port has a single address.

    Remediation: copy the files of ``/etc/ssh/ssh_host_*_key`` to every server behind the name, or give each server a
    name of its own.
    """
    ports: dict[str, dict[str, Ssh | None]] = defaultdict(dict)
    for item in ssh.all:
        ports[item.subject.uri][item.subject.address or ""] = item.observation
    several = {uri: addresses for uri, addresses in ports.items() if len(addresses) > 1}
    if not several:
        return not_applicable("each port has a single address", facts=sorted(ports))
    for uri, addresses in several.items():
        seen = {address: fact for address, fact in addresses.items() if fact is not None}
        if any(len(keys) > 1 for keys in _keys_by_type(seen.values()).values()):
            return failed("{port} has different host keys at {measured}", port=uri, measured=sorted(seen))
    for fact in ssh:
        _ = fact.fingerprints
    return passed("has the same host keys at every address", facts=sorted(several))


def _keys_by_type(facts: Iterable[Ssh]) -> Mapping[str, set[str]]:
    """The fingerprints of each type of key; a type that one address does not offer is no difference."""
    found: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        for each in fact.host_keys:
            if each.key.seen is not None:
                found[each.type].add(each.key.seen.fingerprint)
    return found
