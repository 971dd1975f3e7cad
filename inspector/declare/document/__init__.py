"""Documents: files that people write, read with the place of every value, so that each fault says where and what to do.

``parse`` turns YAML into a ``YamlDocument``: plain data, the place of each key and value, and the faults found so far.
A loader adds the faults of its own rules, takes models off the sheet, and closes it: then all faults are raised at
once, in the order in which they stand in the file.
"""

from pathlib import Path

from inspector.declare.document.diagnostics import shown, split
from inspector.declare.document.document import Location, YamlDocument
from inspector.declare.document.files import read_text
from inspector.declare.document.source_map import SourceLocation, SourceMap, diagnostic_at

__all__ = [
    "Location",
    "SourceLocation",
    "SourceMap",
    "YamlDocument",
    "diagnostic_at",
    "read",
    "read_text",
    "shown",
    "split",
]


def read(path: Path) -> YamlDocument:
    """The sheet of a YAML file; raises InputFileError when it cannot be read as YAML at all."""
    from inspector.declare.document.yaml import read_yaml

    return read_yaml(read_text(path), str(path))
