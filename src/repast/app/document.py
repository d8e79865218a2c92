"""A YAML file as plain values that remember their lines, with the environment put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from repast.errors import InvalidConfigError, Location, Problem

if TYPE_CHECKING:
    import yaml

KeyPath: TypeAlias = tuple[str, ...]


class EnvText(str):
    """Unquoted text that came out of the environment: an option that wants a number may read it as one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file, and the line of each key."""

    file: str
    values: Mapping[str, object]
    lines: Mapping[KeyPath, int] = field(repr=False)

    def location(self, *path: str) -> Location:
        """Where a key is written; for a key that is not there, the place of what it would be in."""
        while path and path not in self.lines:
            path = path[:-1]
        return Location(self.file, self.lines.get(path, 1))


def config_error(problems: list[Problem]) -> InvalidConfigError:
    """One error for all problems, in the order of their lines."""
    ordered = sorted(problems, key=lambda p: p.location.line if p.location else 0)
    if len(ordered) > 1:
        listing = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(ordered, 1))
        return InvalidConfigError(f"{len(ordered)} problems in the configuration:\n{listing}", problems=ordered)
    [problem] = ordered
    where = f"{problem.location}: " if problem.location else ""
    return InvalidConfigError(f"{where}{problem.message}", hint=problem.hint, problems=ordered)


def decode_document(data: bytes, *, file: str, environ: Mapping[str, str]) -> Document:
    """Read YAML whose top is a mapping, and substitute ``$NAME``, ``${NAME}`` and ``${NAME:-default}``.

    Substitution happens in string values after parsing, so what is in a variable can never become
    structure. ``$$`` is a dollar sign.

    Raises:
        InvalidConfigError: Not YAML, not a mapping, a repeated key, or a variable that is not set; each
            with its line, all that could be found at once.

    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem("This is not UTF-8 text.", location=Location(file, line), hint="save the file as UTF-8")
        raise config_error([problem]) from None
    return _Reader(file, environ).read(text)


class _Reader:
    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self.file = file
        self.environ = environ
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []

    def report(self, line: int, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, location=Location(self.file, line), hint=hint))

    def read(self, text: str) -> Document:
        import yaml

        try:
            # Not the C loader: that saves half a millisecond, words errors differently and dies of deep nesting.
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            values = self.mapping(node, loader) if node is not None else {}
        except yaml.YAMLError as error:
            self.syntax(error, text)
            values = {}
        except RecursionError:
            self.report(1, "The file is nested too deeply.", "check its brackets")
            values = {}
        if not values and not self.problems:
            self.report(1, "The file is empty.", "it needs at least a line like: project: my_project")
        if self.problems:
            raise config_error(self.problems)
        return Document(self.file, values, self.lines)

    def mapping(self, node: yaml.Node, loader: yaml.SafeLoader) -> dict[str, object]:
        import yaml

        if isinstance(node, yaml.MappingNode):
            return self.members(node, loader, (), frozenset())
        self.report(_line(node), "The file must be a mapping of keys to values.", "start with: project: my_project")
        return {}

    def members(
        self, node: yaml.MappingNode, loader: yaml.SafeLoader, path: KeyPath, above: frozenset[int]
    ) -> dict[str, object]:
        import yaml

        self.refuse_duplicates(node)
        loader.flatten_mapping(node)
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self.scalar(key_node, loader) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.report(_line(key_node), "A key must be text.", 'put it in quotes, as in "on": true')
                continue
            self.lines[(*path, key)] = _line(key_node)
            values[key] = self.value(value_node, loader, (*path, key), above | {id(node)})
        return values

    def refuse_duplicates(self, node: yaml.MappingNode) -> None:
        import yaml

        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                continue
            key, line = key_node.value, _line(key_node)
            if key in seen:
                self.report(line, f"{key!r} is here twice; line {seen[key]} has it too.", "remove one of them")
            seen.setdefault(key, line)

    def value(self, node: yaml.Node, loader: yaml.SafeLoader, path: KeyPath, above: frozenset[int]) -> object:
        import yaml

        if id(node) in above:
            self.report(_line(node), f"{'.'.join(path)} contains itself.", "remove the alias (*name)")
            return None
        if isinstance(node, yaml.CollectionNode) and node.tag not in _PLAIN_TAGS:
            self.refuse_tag(_line(node), node.tag)
            return None
        if isinstance(node, yaml.MappingNode):
            return self.members(node, loader, path, above)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, loader, path, above | {id(node)}) for item in node.value]
        found = self.scalar(node, loader)
        if isinstance(found, str) and "$" in found:
            return self.substitute(found, quoted=bool(getattr(node, "style", None)), line=_line(node))
        return found

    def scalar(self, node: yaml.Node, loader: yaml.SafeLoader) -> object:
        try:
            found: object = loader.construct_object(node)
        except ValueError:  # looks like a number or a date, and is none: 2024-13-45
            self.report(_line(node), f"{node.value} is not a number or date that exists.", "put it in quotes")
            return None
        return found

    def substitute(self, text: str, *, quoted: bool, line: int) -> str:
        filled = _VARIABLE.sub(lambda match: self.variable(match, line), text)
        return filled if quoted else EnvText(filled)

    def variable(self, match: re.Match[str], line: int) -> str:
        if match[0] == "$$":
            return "$"
        inside = _INSIDE.fullmatch(match["braced"] or match["bare"] or "")
        if inside is None:
            self.report(
                line, f"{match[0]} is not understood.", "write ${NAME} or ${NAME:-default}; $$ is a dollar sign"
            )
            return ""
        found = self.environ.get(inside["name"])
        if found is None and inside["default"] is None:
            self.report(
                line,
                f"The environment variable {inside['name']} is not set.",
                f"set it, or write ${{{inside['name']}:-default}}; $$ is a dollar sign",
            )
        return found or inside["default"] or ""

    def refuse_tag(self, line: int, tag: str) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.report(
            line, f"The tag {shown} is not allowed.", "remove it: values are plain text, numbers, lists, mappings"
        )

    def syntax(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        lines = text.splitlines()
        if 0 < line <= len(lines) and lines[line - 1].lstrip(" ").startswith("\t"):
            self.report(line, "The line is indented with a tab.", "YAML wants spaces")
            return
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        if reason == "but found another document":
            self.report(line, "A second document begins here.", "remove the line ---")
            return
        if unknown := re.fullmatch(r"could not determine a constructor for the tag '(.*)'", reason):
            self.refuse_tag(line, unknown[1])
            return
        context = getattr(error, "context_mark", None)
        since = f", in what begins in line {context.line + 1}" if context and context.line + 1 != line else ""
        hint = "check colons, quotes and indentation of this line and the one above"
        if reason.startswith("mapping values are not allowed"):
            hint = "text with ': ' inside needs quotes; a nested key needs a line of its own"
        elif "${" in "".join(lines[line - 1 : line]):
            hint = 'inside { } or [ ] a variable needs quotes: "${NAME}"'
        self.report(line, f"This is not valid YAML: {reason}{since}.", hint)


_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<braced>[^}]*)\}|\{|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{).)*))?", re.DOTALL)


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
