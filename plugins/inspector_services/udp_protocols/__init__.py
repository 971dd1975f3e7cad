"""The questions over UDP, one protocol per module; none reads or sends anything itself."""
