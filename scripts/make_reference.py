"""Write what docs/reference takes from the code: tables inside the pages, and the whole page on Python.

Run it with ``python scripts/make_reference.py`` after changing a docstring, an error, a type or a backend's option;
a test compares. In a page, what is between ``<!-- made: NAME -->`` and ``<!-- end -->`` is made here.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal as PythonDecimal
from pathlib import Path
from types import ModuleType
from typing import Any

import repast
from repast import errors, types
from repast.app.feast_key import BACKEND_ALIASES, IGNORED_KEYS, IGNORED_OPTIONS
from repast.app.plugin import GROUPS
from repast.cli.exit import BY_ERROR

TABLE_SOURCES = (
    "TableSource",
    "PostgreSQLSource",
    "BigQuerySource",
    "SnowflakeSource",
    "RedshiftSource",
    "AthenaSource",
    "TrinoSource",
    "ClickhouseSource",
    "SparkSource",
)
"""Sources in databases, the kinds that most people have first."""

FOLDER = Path(__file__).parents[1] / "docs/reference"

# -- Markdown -------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0])]
    lines += [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """Turn the little reStructuredText of docstrings into Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", lambda found: f"`{found[1].removeprefix('repast.')}`", text)
    return text.replace("``", "`")


_SECTION = re.compile(r"^(Args|Raises|Returns|Attributes|Example):\n((?:[ ]{4}.*\n|\n)+)", re.MULTILINE)


def docstring(thing: object) -> str:
    """Return a docstring as Markdown: text, then lists for its sections."""
    text = inspect.cleandoc(getattr(thing, "__doc__", None) or "") + "\n"
    return re.sub(r"\n{3,}", "\n\n", _SECTION.sub(_section, plain(text))).strip()


def _section(found: re.Match[str]) -> str:
    name, body = found[1], inspect.cleandoc(found[2])
    if name == "Example":
        return f"\n```pycon\n{body}\n```\n"
    items: list[str] = []
    for line in body.splitlines():
        entry = re.match(r"([\w*`., ]+?): +(.*)", line)
        if entry and not line.startswith(" "):
            items.append(f"- `{entry[1]}`: {entry[2]}" if " " not in entry[1] else f"- {entry[1]}: {entry[2]}")
        elif items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(f"- {line}")
    return f"\n**{name}**\n\n" + "\n".join(items) + "\n\n"


# -- tables inside pages --------------------------------------------------------------------------


def ignored_keys() -> str:
    """What Feast's users may leave in the file, and why it does nothing."""
    rows = [(f"`{key}`", reason) for key, reason in IGNORED_KEYS.items()]
    for (section, kind), options in IGNORED_OPTIONS.items():
        rows += [(f"`{section}.{option}` (`{kind}`)", reason) for option, reason in options.items()]
    return table(["key", "why it changes nothing"], rows)


def feast_names() -> str:
    """Feast's names for backends."""
    rows = [
        (f"`{section}: {theirs}`", f"`{ours}`")
        for section, names in BACKEND_ALIASES.items()
        for theirs, ours in names.items()
    ]
    return table(["Feast's spelling", "is read as"], rows)


def backend_options() -> str:
    """The options of every backend that comes with Repast, from its constructor."""
    rows = []
    for section, group in GROUPS.items():
        for name, cls in sorted(_shipped(group).items()):
            described = _arguments(cls)
            for parameter in inspect.signature(cls).parameters.values():
                if parameter.name != "repo_path":
                    named = {None: "none", parameter.empty: "needed"}
                    default = named.get(parameter.default, parameter.default)
                    about = described[parameter.name]
                    rows.append((f"`{section}`", f"`{name}`", f"`{parameter.name}`", f"`{default}`", about))
            if len(inspect.signature(cls).parameters) == 1:
                rows.append((f"`{section}`", f"`{name}`", "", "", "No options."))
    return table(["section", "type", "option", "default", "what it is"], rows)


def _shipped(group: str) -> dict[str, type]:
    from repast.app.entry_point import installed

    found: dict[str, type] = {}
    for name, target in installed(group).items():
        module, _, attribute = target.partition(":")
        if module.startswith("repast."):
            found[name] = getattr(importlib.import_module(module), attribute)
    return found


def _arguments(cls: type) -> Mapping[str, str]:
    section = next((found for found in _SECTION.finditer(inspect.cleandoc(cls.__doc__ or "") + "\n")), None)
    body = inspect.cleandoc(section[2]) if section else ""
    return {
        found[1]: " ".join(plain(found[2]).split())
        for found in re.finditer(r"^(\w+): ((?:.*\n?)(?:^ .*\n?)*)", body, re.MULTILINE)
    }


def error_table() -> str:
    """Every error, with what programs see of it."""
    rows = []
    for cls in error_classes():
        general = (object, BaseException, Exception)
        builtins = [base.__name__ for base in cls.__mro__ if base.__module__ == "builtins" and base not in general]
        meaning = (cls.__doc__ or "").split("\n")[0]
        again = "yes" if cls.retryable else "no"
        rows.append(
            (f"`{cls.__name__}`", f"`{cls.code}`", BY_ERROR[cls.code], again, "".join(builtins[:1]), plain(meaning))
        )
    return table(["error", "code", "exit code", "retryable", "is also a", "meaning"], rows)


def error_classes() -> list[type[errors.RepastError]]:
    """Return the error classes, as they are written."""
    found = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.RepastError)]
    return [cls for cls in found if cls is not errors.RepastError]


MOMENT = datetime(2024, 5, 1, 12, tzinfo=UTC)
SAMPLES: list[tuple[types.DataType, object]] = [
    (types.Bool, True),
    (types.Int32, 7),
    (types.Int64, 2**53 + 1),
    (types.Float32, 0.5),
    (types.Float64, 0.1),
    (types.String, "Oslo"),
    (types.Bytes, b"\x00\x01"),
    (types.UnixTimestamp, MOMENT),
    (types.Date, date(2024, 5, 1)),
    (types.Decimal(10, 2), PythonDecimal("12.50")),
    (types.Uuid, "123e4567-e89b-12d3-a456-426614174000"),
    (types.Json, '{"a": 1}'),
    (types.Array(types.Float32), [0.5, None]),
    (types.Set(types.String), ["a", "b"]),
    (types.Map(types.String, types.Int64), [("a", 1)]),
    (types.Struct({"lat": types.Float64}), {"lat": 59.9}),
]


def type_table() -> str:
    """What each type is in Arrow, as a Python value, in pandas and in NumPy; from an online read of one row of each."""
    names = [f"f{i}" for i in range(len(SAMPLES))]
    with tempfile.TemporaryDirectory() as folder:
        full, missing = _read_samples(Path(folder), names)
        rows = []
        for (dtype, _), name in zip(SAMPLES, names, strict=True):
            value, arrays = full.to_dict()[name][0], [answer.to_numpy()[name] for answer in (full, missing)]
            rows.append(
                (
                    f"`{dtype}`",
                    f"`{dtype.arrow}`",
                    f"`{value!r}`",
                    f"`{full.to_df()[name].dtype}`",
                    f"`{arrays[0].dtype}`",
                    _numpy_null(arrays[1]),
                )
            )
    return table(["type", "Arrow", "Python, in dicts", "pandas", "NumPy", "null in NumPy"], rows)


def _numpy_null(array: Any) -> str:
    import numpy as np

    if isinstance(array, np.ma.MaskedArray):
        return "masked"
    return {"f": "NaN", "M": "NaT"}.get(array.dtype.kind, "None")


def _read_samples(folder: Path, names: list[str]) -> tuple[Any, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from repast.app.config import RepoConfig
    from repast.core.literal import from_values

    columns = {n: from_values([v, None], t, subject=n) for n, (t, v) in zip(names, SAMPLES, strict=True)}
    pq.write_table(pa.table({"k": [1, 2], "t": [MOMENT] * 2} | columns), folder / "rows.parquet")
    view = repast.FeatureView(
        name="v",
        entities=[repast.Entity(name="k", join_keys={"k": types.Int64})],
        source=repast.FileSource(path="rows.parquet", timestamp_field="t"),
        schema=[repast.Field(name=n, dtype=t) for n, (t, _) in zip(names, SAMPLES, strict=True)],
    )
    with repast.FeatureStore(config=RepoConfig(project="p", online_store="memory", repo_path=folder)) as store:
        store.apply(view)
        store.materialize(MOMENT, MOMENT)
        refs = [f"v:{name}" for name in names]
        answers = [store.get_online_features(refs, {"k": [k]}) for k in (1, 2)]
        store.teardown()
    return answers[0], answers[1]


def cast_table() -> str:
    """What may become what; from the docstring of the module that does it."""
    from repast.core import cast

    lines = (cast.__doc__ or "").splitlines()
    first, last = [i for i, line in enumerate(lines) if line.startswith("====")][1:]
    start = lines[first].rindex(" ") + 1
    rows: list[list[str]] = []
    for line in lines[first + 1 : last]:
        if line[:start].strip():
            rows.append([f"`{line[:start].strip().replace(', ', '`, `')}`", line[start:].strip()])
        else:
            rows[-1][1] += f" {line.strip()}"
    return table(["to", "from"], rows)


MADE: Mapping[str, Callable[[], str]] = {
    "ignored keys": ignored_keys,
    "feast names": feast_names,
    "backend options": backend_options,
    "errors": error_table,
    "types": type_table,
    "casts": cast_table,
}
_PART = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """Return a page with the parts that are made here as they are now."""
    return _PART.sub(lambda found: f"{found[1]}\n{MADE[found[2]]()}\n\n{found[3]}", text)


# -- the page on Python ---------------------------------------------------------------------------

INTRODUCTION = """# Python

*Made by `scripts/make_reference.py` from docstrings; change those, not this page.*

What is here is what you may rely on. Errors are on [a page of their own](errors.md), types
[too](types.md). Everything else may change without notice.
"""

PARTS: Mapping[str, tuple[str, list[str]]] = {
    "The store": ("repast", ["FeatureStore"]),
    "Definitions": (
        "repast",
        [
            "Entity",
            "Field",
            "FeatureView",
            "FeatureViewProjection",
            "on_demand_feature_view",
            "OnDemandFeatureView",
            "FeatureService",
            "Project",
            "SavedDataset",
        ],
    ),
    "Sources": (
        "repast",
        ["DataSource", "BatchSource", "FileSource", *TABLE_SOURCES, "PushSource", "RequestSource", "PushMode"],
    ),
    "Configuration": ("repast.app.config", ["RepoConfig", "load_config"]),
    "Training data": ("repast.app.retrieval", ["RetrievalJob", "RetrievalMetadata"]),
    "Saved datasets": ("repast.app.dataset", ["Dataset"]),
    "Online features": ("repast.core.response", ["OnlineResponse", "FieldStatus"]),
    "Plans and history": ("repast.core.plan.apply", ["ApplyPlan"]),
    "Log entries": ("repast.app.registry", ["LogEntry"]),
    "Reports of loads": ("repast.app.load_report", ["LoadReport", "ViewLoad"]),
    "Reports of writes": ("repast.app.write_report", ["WriteReport", "ViewWrite"]),
    "Ports, for plugins": ("repast.ports", ["online", "offline", "registry"]),
}

MAKERS = ("repast.app.store", "repast.app.config", "repast.core.definitions")
"""Modules, and packages, whose classes people call."""


def python_page() -> str:
    """Return the page on Python."""
    lines = [INTRODUCTION]
    for title, (module_name, names) in PARTS.items():
        lines.append(f"## {title}\n")
        if module_name == "repast.ports":
            for name in names:
                lines += _module(importlib.import_module(f"{module_name}.{name}"))
            continue
        module = importlib.import_module(module_name)
        if module_name in ("repast", "repast.app.config"):
            lines.append(f"`from {module_name} import {', '.join(names)}`\n")
        for name in names:
            lines += _entry(name, getattr(module, name))
    return "\n".join(lines).rstrip() + "\n"


def _module(module: ModuleType) -> Iterator[str]:
    yield f"`{module.__name__}`: {plain((module.__doc__ or '').strip())}\n"
    for name, thing in vars(module).items():
        if inspect.isclass(thing) and thing.__module__ == module.__name__:
            yield from _entry(name, thing)


def _entry(name: str, thing: Any) -> Iterator[str]:
    if inspect.isfunction(thing):
        yield f"### {name}\n"
        yield f"```text\n{_signature(name, thing)}\n```\n"
        yield f"{docstring(thing)}\n"
        return
    yield f"### {name}\n"
    if _is_made_by_people(thing):
        yield f"```text\n{_signature(name, thing)}\n```\n"
    yield f"{docstring(thing)}\n"
    if members := list(_attributes(thing)):
        yield "\n".join(members) + "\n"
    for member, method in vars(thing).items():
        if inspect.isfunction(method) and not member.startswith("_") and method.__doc__:
            yield f"#### {name}.{member}\n"
            if member != method.__name__:
                yield f"The same as `{method.__name__}`.\n"
                continue
            yield f"```text\n{_signature(member, method)}\n```\n"
            yield f"{docstring(method)}\n"


def _is_made_by_people(thing: Any) -> bool:
    """Tell whether people make such objects themselves; results have constructors that are nobody's business."""
    by_hand = "__init__" in vars(thing) and not (dataclasses.is_dataclass(thing) and _has_made_constructor(thing))
    return by_hand and not _is_enum(thing) and thing.__module__.startswith(MAKERS)


def _has_made_constructor(thing: Any) -> bool:
    return bool(thing.__dataclass_params__.init)


def _is_enum(thing: Any) -> bool:
    return hasattr(thing, "__members__")


def _attributes(thing: Any) -> Iterator[str]:
    if _is_enum(thing):
        yield from (f"- `{member.name}`" for member in thing)
        return
    described = _attribute_texts(thing)
    if dataclasses.is_dataclass(thing) and _has_made_constructor(thing):
        for field in dataclasses.fields(thing):
            if not field.name.startswith("_") and field.name in inspect.get_annotations(thing):
                about = f": {described[field.name]}" if field.name in described else ""
                yield f"- `{field.name}`{about}"
    for name, member in vars(thing).items():
        if isinstance(member, property) and not name.startswith("_") and member.__doc__:
            yield f"- `{name}`: {plain(' '.join(member.__doc__.partition('Raises:')[0].split()))}"


def _attribute_texts(thing: Any) -> Mapping[str, str]:
    """The strings below attributes, which Python drops."""
    import ast

    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(thing))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for attribute, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[attribute.target.id] = plain(" ".join(text.split()))
    return found


def _signature(name: str, thing: Any) -> str:
    found = inspect.signature(thing)
    parameters = [p.replace(annotation=_annotation(p.annotation)) for p in found.parameters.values()]
    parameters = [p for p in parameters if p.name != "self"]
    returned = _annotation(found.return_annotation)
    if inspect.isclass(thing):
        returned = inspect.Signature.empty
    shown = str(found.replace(parameters=parameters, return_annotation=returned))
    prefix = "async " if inspect.iscoroutinefunction(thing) else ""
    text = f"{prefix}{name}{shown}"
    if len(text) <= 110:
        return text
    inside = [f"    {parameter}," for parameter in _parameters(parameters)]
    arrow = f" -> {returned}" if returned is not inspect.Signature.empty else ""
    return "\n".join([f"{prefix}{name}(", *inside, f"){arrow}"])


def _parameters(parameters: list[inspect.Parameter]) -> Iterator[str]:
    keyword_only = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        yield str(parameter)


def _annotation(annotation: Any) -> Any:
    """Return what shows an annotation as it is written: modules here keep annotations as text."""
    return annotation if annotation is inspect.Parameter.empty else _Text(str(annotation))


class _Text:
    """Shows itself as the text it is, without quotes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def pages() -> dict[Path, str]:
    """Return every page that has something made here, as it should be."""
    made = {FOLDER / "python.md": python_page()}
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _PART.search(text):
            made[path] = fill(text)
    return made


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
