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
HEADINGS = ("Usage:", "Options:", "Commands:", "Arguments:", "[required]", "[default:")
SEE_HELP = "see '{command} --help'"
HELP = "Show this message and exit."

#: What stands for values in help, where their type does not say it.
PLACEHOLDERS = {
    "systems": "ID",
    "system": "ID",
    "only": "NAME",
    "select": "TAG",
    "addresses": "ADDRESS",
    "endpoint": "URI",
    "as_of": "DATE",
    "within": "SECONDS",
    "level": "1-5",
    "formats": "FORMATS",
    "trusted": "KEY",
}

#: What the shipped plugins contribute, for help texts: asking for help loads no plugin.
SHIPPED = {
    "formats": "codequality, csv, html, json, junit, sarif, xlsx",
    "probes": "address-connection, anonymous-logins, banners, certificates, cross-origin, delegation, dkim, exposure, "
    "http, issuance-policy, mail, mail-hosts, mail-relay, mail-server, mta-sts, mta-sts-policy, name-server, "
    "name-server-exposure, names, ports, revocation, security-txt, ssh, ssh-login, starttls, starttls-injection, tls, "
    "tls-attacks, tls-resumption, tls-sessions, udp-exposure, udp-services, zone",
}

#: How the parser shows the type of an argument.
_TYPE = re.compile(r" <(list\[\w+\]|str|path)>")

#: What usage errors say; tried in order, the first that fits counts.
ERRORS = (
    "No such option: {option}",
    "No such option: {option} (Possible options: {known})",
    "No such command {name}.",
    "No such command {name}. Did you mean {known}?",
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
    command.get_short_help_str = lambda limit=0: command.help  # noqa: ARG005  (the parser would cut it)
    for parameter in command.params:
        parameter.help = FormattedMessage(translated(parameter.help or ""), **SHIPPED)
        parameter.metavar = parameter.metavar or _placeholder(parameter)
    written = command.get_help

    command.get_help = lambda context: _headings(_TYPE.sub(lambda found: " " * len(found[0]), written(context)))
    for each in getattr(command, "commands", {}).values():
        localise(each)
    return command


def _placeholder(parameter: Any) -> str | None:
    """What stands for the value of an option: in capitals what it is, not how Python calls its type."""
    if parameter.param_type_name == "argument":
        return None
    if parameter.name in PLACEHOLDERS:
        return PLACEHOLDERS[parameter.name]
    kind = str(getattr(getattr(parameter, "type_descriptor", None), "annotation", ""))
    if getattr(parameter, "is_flag", False):
        return None
    if "Path" in kind:
        return "PATH"
    return "NUMBER" if "int" in kind else "TEXT" if "str" in kind else None


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
