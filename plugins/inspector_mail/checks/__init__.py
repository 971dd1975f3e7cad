"""The checks of this plugin, one per file: each file's check is found by itself."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from inspector import Check

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

#: Every check, in the order of the file names.
ALL: Final = tuple(value for module in _MODULES for value in vars(module).values() if isinstance(value, Check))
