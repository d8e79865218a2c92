"""Call the functions of on-demand views, the same way for training and for serving.

A function gets every input under its full name ``view__feature``, and under its own name ``feature``
unless two source views have one of that name; key columns and request fields come under their names.
Where names meet, a request field goes before a feature, and a feature before a key. Whole numbers
with nulls stay whole numbers: pandas gets nullable dtypes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from repast.core.refs import OnDemandSelection, SelectedFeature
from repast.errors import InvalidDefinitionError, RepastError, did_you_mean, require

if TYPE_CHECKING:
    import pyarrow as pa

    Column: TypeAlias = pa.Array | pa.ChunkedArray

_Column = TypeVar("_Column")


def name_inputs(
    selection: OnDemandSelection,
    feature: Callable[[int, int], _Column],
    *,
    keys: Mapping[str, _Column],
    request: Mapping[str, _Column],
) -> dict[str, _Column]:
    """Return the function's inputs by the names it knows them by, in an order that never changes.

    Args:
        feature: Returns the column of a (view, feature) of the whole selection, by position.
        keys: Key columns by name of the spine or request; those that are not there are left out.
        request: Request fields by name.

    """
    named: dict[str, _Column] = {name: keys[name] for name in selection.keys if name in keys}
    for name, column in selection.named_inputs:
        named[name] = feature(column.view, column.feature)
    for spec in selection.request_fields:
        named[spec.name] = request[spec.name]
    return named


def run_on_demand(
    selection: OnDemandSelection, function: Callable[..., Any], inputs: Mapping[str, Column], rows: int
) -> dict[str, pa.Array]:
    """Return the selected features of an on-demand view, by output column.

    Args:
        function: The user's function; it gets inputs as the view's mode says.
        inputs: As :func:`name_inputs` names them, of the declared types.
        rows: Number of rows of every input and output.

    Raises:
        InvalidDefinitionError: The function raises, or does not return what the view declares.
        InvalidValueError: It returns a value that is not losslessly of the declared type.
        MissingDependencyError: The view's mode needs a package that is not installed.

    """
    mode = selection.view.mode
    if mode == "python":
        lists = {name: column.to_pylist() for name, column in inputs.items()}
        returned: Mapping[str, Any] = _call_python(selection, function, lists, rows)
    else:
        frame = _FRAMES[mode](inputs)
        returned = _columns_of(selection, function, _call(selection, function, frame))
    return {
        feature.output: _typed(selection, function, feature, returned[feature.field.name], rows)
        for feature in selection.features
        if feature.output is not None
    }


def run_on_demand_python(
    selection: OnDemandSelection, function: Callable[..., Any], inputs: Mapping[str, list[Any]], rows: int
) -> dict[str, list[Any]]:
    """Like :func:`run_on_demand` for python mode, from lists to lists: values of the declared types as
    ``to_pylist`` gives them.
    """
    returned = _call_python(selection, function, inputs, rows)
    outputs: dict[str, list[Any]] = {}
    for feature in selection.features:
        if feature.output is not None:
            values = returned[feature.field.name]
            if not _is_exact(feature, values, rows):
                values = _typed(selection, function, feature, values, rows).to_pylist()
            outputs[feature.output] = values
    return outputs


_EXACT: Mapping[str, type] = {"int64": int, "float64": float, "string": str, "bool": bool, "bytes": bytes}


def _is_exact(feature: SelectedFeature, values: object, rows: int) -> bool:
    """Whether values are of the declared type as they are: then nothing needs to go through Arrow."""
    exact = _EXACT.get(str(feature.field.dtype))
    if exact is None or type(values) is not list or len(values) != rows:
        return False
    if exact is int:
        return all(v is None or (type(v) is int and -(1 << 63) <= v < 1 << 63) for v in values)
    return all(v is None or type(v) is exact for v in values)


# -- calling --------------------------------------------------------------------------------------


def _call(selection: OnDemandSelection, function: Callable[..., Any], argument: object) -> Any:
    try:
        return function(argument)
    except RepastError:
        raise
    except Exception as error:  # user code may raise anything
        line = _line_of(function, error)
        raise InvalidDefinitionError(
            f"{_subject(selection)}: its function raised {type(error).__name__}: {error} ({line}).",
            hint=_raised_hint(error, argument),
            context={"view": selection.view.name, "function": selection.view.function.reference},
        ) from error


def _raised_hint(error: Exception, argument: object) -> str:
    """Say what to do about an exception of the user's: most are misspelt inputs, or nulls."""
    given = list(argument) if isinstance(argument, Mapping) else getattr(argument, "columns", ())
    names = [name for name in given if isinstance(name, str)]
    asked = error.args[0] if isinstance(error, KeyError) and error.args else None
    if names and isinstance(asked, str) and asked not in names:
        return did_you_mean(asked, names) or "its inputs are " + ", ".join(names)
    return "the function must work for every row, nulls (None, pandas.NA) included"


def _call_python(
    selection: OnDemandSelection, function: Callable[..., Any], inputs: Mapping[str, list[Any]], rows: int
) -> dict[str, Any]:
    if not selection.view.singleton:
        return _mapping_of(selection, function, _call(selection, function, dict(inputs)))
    names = list(inputs)
    answers = [
        _mapping_of(selection, function, _call(selection, function, dict(zip(names, row, strict=True))))
        for row in (zip(*inputs.values(), strict=True) if names else [()] * rows)
    ]
    return {field.name: [answer[field.name] for answer in answers] for field in selection.view.features}


def _pandas_frame(inputs: Mapping[str, Column]) -> object:
    require("pandas", extra="pandas", purpose="An on demand feature view in pandas mode")
    from repast.core.frame import to_pandas

    return to_pandas(_arrow_frame(inputs))


def _arrow_frame(inputs: Mapping[str, Column]) -> pa.Table:
    import pyarrow as pa

    return pa.table(dict(inputs))


def _polars_frame(inputs: Mapping[str, Column]) -> object:
    polars: Any = require("polars", extra="polars", purpose="An on demand feature view in polars mode")
    return polars.from_arrow(_arrow_frame(inputs))


_FRAMES: Mapping[str, Callable[[Mapping[str, Column]], object]] = {
    "pandas": _pandas_frame,
    "arrow": _arrow_frame,
    "polars": _polars_frame,
}


# -- what comes back ------------------------------------------------------------------------------


def _mapping_of(selection: OnDemandSelection, function: Callable[..., Any], returned: object) -> dict[str, Any]:
    if not isinstance(returned, Mapping):
        raise _refuse(
            selection,
            function,
            f"returned {_kind(returned)}, not a dict of feature to value(s)",
            hint=f"end it with: return {{{selection.view.features[0].name!r}: ...}}",
        )
    return _all_declared(selection, function, dict(returned))


def _columns_of(selection: OnDemandSelection, function: Callable[..., Any], returned: Any) -> dict[str, Any]:
    """Return the columns of a frame; any kind of frame will do, whatever the mode."""
    if isinstance(returned, Mapping):
        return _all_declared(selection, function, dict(returned))
    if hasattr(returned, "collect") and type(returned).__module__.startswith("polars"):
        returned = returned.collect()
    names = getattr(returned, "column_names", None) or getattr(returned, "columns", None)
    if names is None or not hasattr(returned, "__getitem__"):
        expected = {"pandas": "a pandas DataFrame", "arrow": "a pyarrow Table", "polars": "a polars DataFrame"}
        raise _refuse(
            selection,
            function,
            f"returned {_kind(returned)}, not {expected[selection.view.mode]}",
            hint="return one with a column for every feature of the view's schema",
        )
    return _all_declared(selection, function, {str(name): returned[name] for name in names})


def _all_declared(
    selection: OnDemandSelection, function: Callable[..., Any], returned: dict[str, Any]
) -> dict[str, Any]:
    missing = [field.name for field in selection.view.features if field.name not in returned]
    if missing:
        words = ", ".join(repr(name) for name in missing)
        found = ", ".join(map(repr, returned)) or "nothing"
        raise _refuse(
            selection,
            function,
            f"does not return the declared feature{'s' if len(missing) > 1 else ''} {words}; it returns {found}",
            hint=did_you_mean(missing[0], returned) or "return every feature of the view's schema",
        )
    return returned


def _typed(
    selection: OnDemandSelection, function: Callable[..., Any], feature: SelectedFeature, values: Any, rows: int
) -> pa.Array:
    name, dtype = feature.field.name, feature.field.type
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
        hint = "return a list with one value per row; for one row at a time define the view with singleton=True"
        raise _refuse(
            selection, function, f"returns {_kind(values)} for {name!r}, not a list of {rows} values", hint=hint
        )
    if len(values) != rows:
        hint = "return one value per row, in the order of the rows; use null instead of leaving a row out"
        raise _refuse(selection, function, f"returns {len(values)} values for {name!r}, not {rows}", hint=hint)
    import pyarrow as pa

    from repast.core.cast import cast_array
    from repast.core.literal import from_values

    subject = f"on demand feature {selection.view.name}:{name}"
    array = _to_array(values)
    if not isinstance(array, list):
        array = cast_array(array, dtype, subject=subject)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return from_values(array, dtype, subject=subject)


def _to_array(values: Any) -> pa.Array | pa.ChunkedArray | list[Any]:
    """Return an Arrow array where a column is one or nearly one, else its Python values."""
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    module = type(values).__module__.partition(".")[0]
    if module == "pandas":
        return _series_to_array(values)
    if module == "polars":
        return values.to_arrow()
    if module == "numpy" and values.ndim == 1 and values.dtype.kind in "biufM":
        return pa.array(values)
    return list(values)


def _series_to_array(series: Any) -> pa.Array | pa.ChunkedArray | list[Any]:
    """NaN is null in pandas' own float columns, and in object columns."""
    import pyarrow as pa

    if str(series.dtype) == "object":
        return [None if isinstance(value, float) and value != value else value for value in series]
    return pa.array(series, from_pandas=True)


# -- messages -------------------------------------------------------------------------------------


def _subject(selection: OnDemandSelection) -> str:
    return f"On demand feature view {selection.view.name!r}"


def _kind(value: object) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _refuse(
    selection: OnDemandSelection, function: Callable[..., Any], message: str, *, hint: str
) -> InvalidDefinitionError:
    return InvalidDefinitionError(
        f"{_subject(selection)}: its function {message} ({_line_of(function)}).",
        hint=hint,
        context={"view": selection.view.name, "function": selection.view.function.reference},
    )


def _line_of(function: Callable[..., Any], error: BaseException | None = None) -> str:
    """Return file:line of the function, or of the line in its file that raised."""
    import inspect

    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return getattr(function, "__qualname__", type(function).__qualname__)
    line, trace = code.co_firstlineno, error.__traceback__ if error else None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{code.co_filename}:{line}"
