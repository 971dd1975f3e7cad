"""dnssec-keys-agree: what one name server signs validates by the DNSKEY records of every other."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer, SigningKey, TrustState, Zone


@check(
    "dnssec-keys-agree",
    title="DNSSEC keys agree between name servers",
    about=SubjectKind.ZONE,
    references=("RFC 4035 §2.1–§2.4", "RFC 8901 §4"),
)
def dnssec_keys_agree(zone: Zone, servers: Every[NameServer]) -> Verdict:
    """A validating resolver takes the DNSKEY records from one name server and other records from the next. Where a name
    server lacks the key by which another one signs, or a key that the DS records name, the zone fails to resolve now
    and then. Several operators may sign with keys of their own, if each publishes those of the others, too.

    Remediation: sign the zone at one place, and serve it from there on all name servers; with several operators import
    the zone signing keys of each into the DNSKEY records of the others before they are used.
    """
    asked = [server for server in servers if not server.is_lame]
    if asked and all(server.signers.seen == () for server in asked):
        return not_applicable("no name server signs the zone")
    if zone.chain.value.state is TrustState.INSECURE:
        return not_applicable("the zone is not secure, so that no key counts")
    signing = [server for server in asked if server.signers.seen]
    unsigned = sorted(server.where for server in asked if server.signers.seen == ())
    if unsigned and signing:
        return failed("the zone is signed, but not at {measured}", measured=unsigned)
    named = {SigningKey(key_tag=each.key_tag, algorithm=each.algorithm) for each in zone.ds.value}
    known = {server.where: set(server.keys.seen) for server in signing if server.keys.seen is not None}
    unnamed = sorted(where for where, keys in known.items() if named and not named & keys)
    if unnamed:
        return failed("no key that the DS records of the zone name is published by {measured}", measured=unnamed)
    for server in sorted(signing, key=lambda each: each.where):
        signers = set(server.signers.value)
        without = sorted(where for where, keys in known.items() if not signers & keys)
        if without:
            tags = sorted(each.key_tag for each in signers)
            message = "{server} signs by the key {threshold}, which is not published by {measured}"
            return failed(message, server=server.where, threshold=tags, measured=without)
    unseen = [
        (server.where, answer.unseen) for server in asked for answer in (server.signers, server.keys) if answer.unseen
    ]
    if unseen or not asked:
        where, cause = sorted({place for place, _ in unseen}), unseen[0][1] if unseen else Cause.NOT_SELECTED
        return inconclusive("not all keys were seen at {measured}", measured=where, cause=cause or Cause.TIMEOUT)
    return passed("signatures of each name server validate by the keys of {measured}", measured=sorted(known))
