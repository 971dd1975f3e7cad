"""The one language in which a command prints help, errors, progress and summaries.

``--lang`` decides, then INSPECTOR_LANG, then the first of LC_ALL, LC_MESSAGES and LANG that is set: Vietnamese for
``vi*``, else English. JSON, exit codes and log lines are the same in every language, and reports are written in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar

from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language

#: The variable that overrides the locale.
VARIABLE = "INSPECTOR_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_FLAG = "--lang"

_current: ContextVar[Language] = ContextVar("language", default=Language.EN)


def current() -> Language:
    """The language of this command."""
    return _current.get()


def use(language: Language) -> None:
    """Print in this language from now on."""
    _current.set(language)


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """The language of a command line, known before it is parsed. Raises UsageError for an unknown INSPECTOR_LANG.

    An unknown ``--lang`` is reported by the command's parser.
    """
    use(_of_locale(environment))
    wanted = environment.get(VARIABLE)
    if wanted and wanted not in set(Language):
        raise UsageError(
            FormattedMessage("{variable} is '{value}'", variable=VARIABLE, value=wanted), remedy="write vi or en"
        )
    given = _flag(arguments) or wanted
    return Language(given) if given in set(Language) else current()


def _of_locale(environment: Mapping[str, str]) -> Language:
    locale = next((environment[name] for name in _LOCALE if environment.get(name)), "")
    return Language.VI if locale.lower().startswith("vi") else Language.EN


def _flag(arguments: Sequence[str]) -> str | None:
    """The value of the last ``--lang``."""
    found = None
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument == "--":
            break
        if argument == _FLAG:
            found = after
        elif argument.startswith(f"{_FLAG}="):
            found = argument.partition("=")[2]
    return found


def _(text: str, /, **values: object) -> str:
    """A text of the command line in the language of this command, its placeholders filled."""
    return translated(FormattedMessage(text, **values) if values else text)


def translated(text: str) -> str:
    """A text that may remember its template, in the language of this command."""
    if current() is Language.EN:
        return str(text)
    from inspector.report import messages

    return messages.translated(text, current())
