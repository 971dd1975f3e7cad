"""What the probe writes down."""

from typing import ClassVar

from inspector import Answer, Observation


class Finger(Observation):
    """The users that the service tells of, by login name; none where it says that nobody is there."""

    kind: ClassVar[str] = "finger/1"

    users: Answer[tuple[str, ...]]
