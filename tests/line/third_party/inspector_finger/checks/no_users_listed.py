from inspector import Verdict, check, failed, passed
from inspector_finger.observations import Finger


@check("finger-no-users-listed", title="The finger service lists no login names", references=("RFC 1288 §3.2.2",))
def no_users_listed(finger: Finger) -> Verdict:
    """Login names are half of what it takes to log in.

    Remediation: switch the finger service off.
    """
    users = finger.users.value
    if users:
        return failed("tells the login names {measured}", measured=users, facts=("/users",))
    return passed("tells no login name", facts=("/users",))
