"""alias-targets-exist: the name that the host name is an alias of exists."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameRecords


@check("alias-targets-exist", title="Target of the alias exists", references=("RFC 1034 §3.6.2", "CWE-350"))
def alias_targets_exist(names: NameRecords) -> Verdict:
    """A CNAME record that points to a name which does not exist can let somebody else take over the host name: whoever
    registers the missing domain, or books the missing name at the same cloud service, answers for it. Nothing is ever
    registered or booked to find out.

    Remediation: remove the CNAME record, or restore its target.
    """
    aliases = names.aliases.value
    if not aliases:
        if not names.exists.value:
            return inconclusive("the name does not exist: {measured}", measured=names.host, cause=Cause.NOT_REACHED)
        return not_applicable("the name is no alias")
    if names.exists.value:
        return passed("the target exists: {measured}", measured=aliases[-1], facts="aliases")
    message = "alias of {target}, which does not exist: there is no {measured}"
    return failed(message, target=aliases[-1], measured=names.missing.value or aliases[-1], facts="aliases")
