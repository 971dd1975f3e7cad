"""The texts of the command line's parser (typer): help and usage errors, in the language of the command.

typer writes its own texts in English only. Help texts are translated before they are laid out, headings after; what an
error says is recognised by its pattern.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from inspector.cli.language import _, translated
from inspector.model.formatted import FormattedMessage

#: What the parser writes around the help texts, as whole words of a line.
HEADINGS = ("Usage:", "Options:", "Commands:", "Arguments:", "[required]", "[default: ")
SEE_HELP = "see '{command} --help'"
HELP = "Show this message and exit."

#: What usage errors say; tried in order, the first that fits counts.
ERRORS = (
    "No such option: {option}",
    "No such option: {option} (Possible options: {known})",
    "No such command {name}.",
    "Missing command.",
    "Missing argument {name}.",
    "Missing option {name}.",
    "Option {name} requires an argument.",
    "Option {name} does not take a value.",
    "Got unexpected extra argument ({values})",
    "Got unexpected extra arguments ({values})",
    "Invalid value for {name}: {reason}",
)
#: What is wrong with an option's value, as the parser says it and as it is printed.
REASONS = {
    "Value error, {value} is not one of {known}": "{value} is not one of {known}",
    "{value} is not one of {known}.": "{value} is not one of {known}",
    "Input should be a valid integer, {detail}": "not a whole number",
    "{value} is not a valid int.": "not a whole number",
    "Input should be less than or equal to {most}": "the largest value is {most}",
    "Input should be greater than or equal to {least}": "the smallest value is {least}",
    "{value} is not in the range {range}.": "not in the range {range}",
}


def localise(command: Any) -> Any:
    """The command with its help, and that of its subcommands, in the language of this command."""
    command.help = translated(inspect.cleandoc(command.help or "").replace("\n", " "))
    for parameter in command.params:
        parameter.help = translated(parameter.help or "")
    written = command.get_help
    command.get_help = lambda context: _headings(written(context))
    for each in getattr(command, "commands", {}).values():
        localise(each)
    return command


def _headings(text: str) -> str:
    for heading in (*HEADINGS, HELP):
        text = text.replace(heading, _(heading))
    return text


def message_of(error: Any) -> Iterator[str]:
    """The lines of a usage error: usage, what is wrong, and where help is."""
    if error.ctx is not None:
        yield _headings(error.ctx.get_usage())
    what = translated(recognised(error.format_message()))
    path = error.ctx.command_path if error.ctx is not None else "inspector"
    yield f"inspector: {what.rstrip('.')}; {_(SEE_HELP, command=path)}"


def recognised(text: str) -> str:
    """A text of the parser with its template and values; the text itself if it fits none."""
    for template, printed in {**dict(zip(ERRORS, ERRORS, strict=True)), **REASONS}.items():
        found = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template)), text, re.DOTALL)
        if found and found.groupdict():
            values = {
                name: recognised(value) if name == "reason" else value for name, value in found.groupdict().items()
            }
            return FormattedMessage(printed, **values)
    return text
