"""cds-consistent: the CDS and CDNSKEY records ask the parent for DS records of keys that the zone has."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_dns.observations import Zone

#: The algorithm number by which a zone asks for no DS record (RFC 8078 §4).
_DELETE = 0


@check("cds-consistent", title="CDS and CDNSKEY records are consistent", references=("RFC 7344 §4", "RFC 8078 §4"))
def cds_consistent(zone: Zone) -> Verdict:
    """Registries copy these records into the parent zone by themselves. Where none of them is of a key that the zone
    has, the zone disappears for validating resolvers once they are copied, or the registry refuses every change.

    Remediation: let the program that signs the zone publish CDS and CDNSKEY records, and remove those made by hand.
    """
    signers, keys = zone.child_ds.value, zone.child_keys.value
    if not signers and not keys:
        return not_applicable("neither CDS nor CDNSKEY records")
    algorithms = {each.algorithm for each in signers} | {each.algorithm for each in keys}
    if _DELETE in algorithms:
        if algorithms != {_DELETE}:
            return failed(
                "records that ask for a DS record beside one that asks for none", facts=("child_ds", "child_keys")
            )
        return passed("the zone asks the parent to remove its DS records", facts=("child_ds", "child_keys"))
    if signers and not any(each.matches for each in signers):
        unknown = sorted({each.key_tag for each in signers})
        return failed("no CDS record is of a key that the zone has: {measured}", measured=unknown, facts="child_ds")
    published = {(each.key_tag, each.algorithm) for each in zone.keys.value}
    if keys and not any((each.key_tag, each.algorithm) in published for each in keys):
        unknown = sorted({each.key_tag for each in keys})
        message = "no CDNSKEY record is of a key that the zone has: {measured}"
        return failed(message, measured=unknown, facts="child_keys")
    tags = [sorted({each.key_tag for each in records}) for records in (signers, keys)]
    if signers and keys and tags[0] != tags[1]:
        measured = [f"CDS {' '.join(map(str, tags[0]))}", f"CDNSKEY {' '.join(map(str, tags[1]))}"]
        return failed("CDS and CDNSKEY records name different keys: {measured}", measured=measured)
    return passed("the parent is asked for DS records of the keys {measured}", measured=tags[0] or tags[1])
