"""Documents: files written by people, parsed with the source location of every value for located diagnostics.

``read`` parses YAML into a ``YamlDocument``: plain data, the location of each key and value, and the diagnostics so
far. A loader adds the diagnostics of its own rules, takes models from the document, and closes it: then all
diagnostics are raised at once, in the order of their locations.
"""

from pathlib import Path

from inspector.declare.document.diagnostics import shown, split
from inspector.declare.document.document import Location, YamlDocument
from inspector.declare.document.files import LARGEST_LIST, read_text
from inspector.declare.document.parts import DocumentPart, Parts
from inspector.declare.document.source_map import SourceLocation, SourceMap, diagnostic_at

__all__ = [
    "DocumentPart",
    "Location",
    "Parts",
    "SourceLocation",
    "SourceMap",
    "YamlDocument",
    "diagnostic_at",
    "read",
    "read_parts",
    "read_text",
    "shown",
    "split",
]


def read(path: Path) -> YamlDocument:
    """The document in a YAML file; raises InputFileError when it cannot be parsed as YAML."""
    from inspector.declare.document.yaml import read_yaml

    return read_yaml(read_text(path), str(path))


def read_parts(path: Path, key: str) -> Parts:
    """The document in a YAML file, or in one of JSON lines (``.jsonl``), whose list ``key`` is read item by item.

    Raises InputFileError when the file cannot be read.
    """
    text = read_text(path, LARGEST_LIST)
    if path.suffix == ".jsonl":
        from inspector.declare.document.json_lines import JsonLines

        return JsonLines(text, str(path), key)
    from inspector.declare.document.yaml_parts import YamlParts

    return YamlParts(text, str(path), key)
