"""Check options against the keyword-only ``__init__`` of the class they are for: its signature is their schema."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repast.app.document import EnvText
from repast.app.section import BackendConfig
from repast.errors import Problem, did_you_mean


def check_options(cls: type, backend: BackendConfig) -> tuple[dict[str, object], list[Problem]]:
    """Return the options as the class wants them, and everything wrong with them."""
    parameters = _parameters(cls)
    problems = _signature_problems(cls, parameters, backend)
    options: dict[str, object] = {}
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    known = {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY and name != "repo_path"}
    for name, value in backend.options.items():
        if name in known:
            _check(name, value, known[name], backend, options, problems)
        elif accepts_any:
            options[name] = value
        else:
            problems.append(_unknown(name, known, backend))
    problems += [
        Problem(
            f"{backend.section} of type {backend.type!r} needs the option {name!r}.",
            location=backend.location(),
            hint=f"add {name} ({_words(parameter.annotation)}) to {backend.section}",
        )
        for name, parameter in known.items()
        if parameter.default is parameter.empty and name not in backend.options
    ]
    return options, problems


def _parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(cls, eval_str=True).parameters
    except NameError:  # annotations that exist for type checkers only: names can be checked, types cannot
        found = inspect.signature(cls).parameters
        return {name: parameter.replace(annotation=Any) for name, parameter in found.items()}


def _signature_problems(
    cls: type, parameters: Mapping[str, inspect.Parameter], backend: BackendConfig
) -> list[Problem]:
    """A class that cannot be made the way backends are made."""
    kinds = {name: p.kind for name, p in parameters.items() if p.default is p.empty or name == "repo_path"}
    named = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD
    if all(kind in named for kind in kinds.values()) and ("repo_path" in kinds or named[1] in kinds.values()):
        return []
    message = f"{backend.section}.type {backend.type!r}: {cls.__name__} cannot be made with keyword-only options."
    hint = "declare def __init__(self, *, repo_path: Path, ...)"
    return [Problem(message, location=backend.location("type"), hint=hint)]


def _check(
    name: str,
    value: object,
    parameter: inspect.Parameter,
    backend: BackendConfig,
    options: dict[str, object],
    problems: list[Problem],
) -> None:
    try:
        options[name] = convert(value, parameter.annotation)
    except _MismatchError as mismatch:
        from repast.app.secret import mask

        shown = mask(name, value)
        problems.append(
            Problem(
                f"{backend.section}.{name} must be {mismatch.wanted}, not {shown!r}.",
                location=backend.location(name),
                hint=mismatch.hint,
            )
        )


def _unknown(name: str, known: Mapping[str, object], backend: BackendConfig) -> Problem:
    names = ", ".join(sorted(known))
    return Problem(
        f"{backend.section} of type {backend.type!r} has no option {name!r}.",
        location=backend.location(name),
        hint=did_you_mean(name, known) or (f"its options are: {names}" if names else "it has no options"),
    )


class _MismatchError(Exception):
    def __init__(self, wanted: str, hint: str = "") -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.hint = hint


def convert(value: object, annotation: Any) -> object:
    """Return a value as an annotation wants it; ints may stand for floats, text for paths."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, annotation)
    if origin is typing.Literal:
        return _convert_literal(value, typing.get_args(annotation))
    if origin in _CONTAINERS or annotation in _CONTAINERS:
        return _convert_container(value, annotation, origin or annotation)
    convert_scalar = _SCALARS.get(annotation)
    return convert_scalar(value) if convert_scalar else value


def _convert_union(value: object, annotation: Any) -> object:
    members = typing.get_args(annotation)
    if value is None and type(None) in members:
        return None
    members = tuple(member for member in members if member is not type(None))
    if len(members) == 1:
        return convert(value, members[0])
    exact = [member for member in members if type(value) is member]
    hint = ""
    for member in (*exact, *members):
        try:
            return convert(value, member)
        except _MismatchError as mismatch:
            hint = hint or mismatch.hint
    raise _MismatchError(_words(annotation), hint)


def _convert_literal(value: object, allowed: tuple[object, ...]) -> object:
    for candidate in allowed:
        if value == candidate and isinstance(value, bool) == isinstance(candidate, bool):
            return candidate
    words = " or ".join(repr(candidate) for candidate in allowed)
    raise _MismatchError(words, did_you_mean(value, [str(a) for a in allowed]) if isinstance(value, str) else "")


def _convert_container(value: object, annotation: Any, origin: Any) -> object:
    inside = typing.get_args(annotation)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise _MismatchError(_words(annotation))
        return {str(key): _member(key, member, inside[1] if inside else Any) for key, member in value.items()}
    if not isinstance(value, list | tuple):
        raise _MismatchError(_words(annotation))
    wanted = inside[0] if inside else Any
    converted = [convert(member, wanted) for member in value]
    return tuple(converted) if origin is tuple else converted


def _member(key: object, value: object, annotation: Any) -> object:
    try:
        return convert(value, annotation)
    except _MismatchError as mismatch:
        raise _MismatchError(f"a mapping whose {key!r} is {mismatch.wanted}", mismatch.hint) from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    # Without the value, which may be a secret.
    hint = "put it in quotes" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    if isinstance(value, list | Mapping):
        hint = "write one value, not several"
    raise _MismatchError("text", hint)


def _boolean(value: object) -> bool:
    if isinstance(value, EnvText):
        value = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(value.lower())
    if isinstance(value, bool):
        return value
    raise _MismatchError("true or false")


def _integer(value: object) -> int:
    if isinstance(value, EnvText):
        value = _parsed(value, int)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _MismatchError("a whole number", "remove the quotes" if isinstance(value, str) else "")


def _float(value: object) -> float:
    if isinstance(value, EnvText):
        value = _parsed(value, float)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _MismatchError("a number", "remove the quotes" if isinstance(value, str) else "")


def _parsed(text: str, number: type[int] | type[float]) -> object:
    try:
        return number(text)
    except ValueError:
        return None


def _path(value: object) -> Path:
    return Path(_text(value))


_SCALARS: Mapping[Any, Callable[[object], object]] = {
    str: _text,
    bool: _boolean,
    int: _integer,
    float: _float,
    Path: _path,
}
_CONTAINERS = (dict, Mapping, list, tuple, Sequence)
_WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    dict: "a mapping",
    Mapping: "a mapping",
    list: "a list",
    tuple: "a list",
    Sequence: "a list",
}


def _words(annotation: Any) -> str:
    """An annotation in words for people who write yaml."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return " or ".join(_words(member) for member in members)
    if origin is typing.Literal:
        return " or ".join(repr(member) for member in typing.get_args(annotation))
    return _WORDS.get(origin or annotation, "a value")
