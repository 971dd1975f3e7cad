"""A run uses the open files that it may have, and begins no more systems than these suffice for."""

import subprocess
import sys

from inspector.fleet.open_files import FILES_PER_SYSTEM, systems_within

SCRIPT = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 900))
from inspector.fleet.open_files import raise_limit
print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_soft_limit_is_raised_as_far_as_the_hard_one() -> None:
    """The usual 1,024 are not the end where more is permitted, and what is not permitted is not tried."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "900 (900, 900)"


def test_systems_fit_into_the_files() -> None:
    """With few files few systems run, with none to spare still one; connections keep their share."""
    assert systems_within(1024, 400) == (1024 - 150 - 400) // FILES_PER_SYSTEM
    assert systems_within(256, 400) == (256 - 150 - 53) // FILES_PER_SYSTEM
    assert systems_within(10, 400) == 1
    assert systems_within(16_384, 400) >= 500
