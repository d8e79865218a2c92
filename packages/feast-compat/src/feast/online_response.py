"""The answer of an online read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feast.adapter.notice import refuse
from repast.errors import require

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class OnlineResponse:
    """The newest values of some keys."""

    def __init__(self, online_response_proto: Any, feature_types: Any = None) -> None:
        self._response = online_response_proto

    @property
    def proto(self) -> Any:
        """Refuse: values are not protobuf messages."""
        refuse("OnlineResponse.proto", hint="to_dict(), to_df() and to_arrow() have the values")

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, list[Any]]:
        """Return column -> Python values; with ``<feature>__ts`` in whole seconds where asked for."""
        found: dict[str, list[Any]] = self._response.to_dict(include_event_timestamps)
        return {name: [_as_mapping(value) for value in values] for name, values in found.items()}

    def to_df(self, include_event_timestamps: bool = False) -> pd.DataFrame:
        """Return a pandas frame."""
        frame: pd.DataFrame = self._response.to_df(include_event_timestamps)
        return frame

    def to_arrow(self, include_event_timestamps: bool = False) -> pa.Table:
        """Return an Arrow table."""
        table: pa.Table = self._response.to_arrow(include_event_timestamps)
        return table

    def to_tensor(self, kind: str = "torch", default_value: Any = float("nan")) -> dict[str, Any]:
        """Return numbers as torch tensors, nulls as ``default_value``, and other values as lists."""
        return to_tensors(self.to_dict(), kind, default_value)


def _as_mapping(value: Any) -> Any:
    """Return a map as Feast has it: a dict. Repast keeps the order of its entries, as a list of pairs."""
    return dict(value) if type(value) is list and value and type(value[0]) is tuple else value


def to_tensors(columns: dict[str, list[Any]], kind: str, default_value: Any) -> dict[str, Any]:
    """Return columns of numbers as torch tensors, and others as they are."""
    if kind != "torch":
        refuse(f"to_tensor(kind={kind!r})", hint='kind="torch", or to_arrow()')
    torch: Any = require("torch", extra="pandas", purpose="to_tensor()")
    found: dict[str, Any] = {}
    for name, values in columns.items():
        if all(v is None or isinstance(v, int | float) for v in values):
            found[name] = torch.tensor([default_value if v is None else v for v in values])
        else:
            found[name] = values
    return found
