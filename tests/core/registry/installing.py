"""Distributions as installers leave them: files, metadata, and the list of both."""

import base64
import hashlib
import importlib
from pathlib import Path


def install(folder: Path, plugin: str, files: dict[str, str], *, name: str = "", listed: bool = True) -> None:
    """Install a distribution with this plugin as installers do, with or without a list of its files."""
    name = name or plugin.replace("_", "-")
    metadata = f"{name.replace('-', '_')}-1.0.dist-info"
    files = {
        **files,
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{metadata}/entry_points.txt": f"[inspector]\n{plugin} = {plugin}\n",
    }
    record = ""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        value = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={value},{len(text)}\n"
    if listed:
        (folder / metadata / "RECORD").write_text(f"{record}{metadata}/RECORD,,\n")
    importlib.invalidate_caches()
