"""What the real Feast is asked to do. Its own interpreter runs this file, which needs nothing of Repast.

``python feast_script.py REQUEST ANSWER``: two JSON files. The request names a copy of the repo, whether to apply and
load it, and retrievals; the answer has per retrieval the columns as plain values, or why there are none.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

ROW = "repast_row"
"""Column of the entity frames that numbers the rows: Feast hands it through."""
_UTC = timezone.utc  # noqa: UP017 - Feast's interpreter may be an older one


def plain(value: Any) -> Any:
    """Return a value as JSON has it: instants as microseconds, bytes as hexadecimal, sets and arrays as lists."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime):  # NaT is one, and is not itself
        return {"time": _microseconds(value)} if value == value else None
    if isinstance(value, date):
        return {"time": _microseconds(datetime.combine(value, time()))}
    if isinstance(value, dict):
        return {"map": [[plain(key), plain(value[key])] for key in sorted(value, key=str)]}
    if isinstance(value, list) and value and all(isinstance(member, tuple) for member in value):
        return plain(dict(value))  # a map as Arrow has it
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, (set, frozenset)):
        return [plain(member) for member in sorted(value, key=str)]
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if type(value).__name__ == "datetime64":
        return plain(value.astype("datetime64[us]").item())
    if hasattr(value, "tolist"):  # of NumPy: an array or a single value
        return plain(value.tolist())
    return str(value)


def _microseconds(value: datetime) -> int:
    aware = value if value.tzinfo else value.replace(tzinfo=_UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=_UTC)
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def main(request_file: str, answer_file: str) -> None:
    """Answer a request with the Feast of this interpreter."""
    feast = importlib.import_module("feast")
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    answer: dict[str, Any] = {"version": getattr(feast, "__version__", "?"), "retrievals": [], "loaded_until": {}}
    if (Path(str(feast.__file__)).parent / "adapter/notice.py").exists():
        answer["not_feast"] = str(feast.__file__)
    else:
        _answer(feast, request, answer)
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def _answer(feast: Any, request: dict[str, Any], answer: dict[str, Any]) -> None:
    repo = Path(request["repo"])
    os.chdir(repo)
    sys.path.insert(0, str(repo))
    if request["load_until"] is not None:
        _apply(repo)
    store = feast.FeatureStore(repo_path=str(repo))
    if request["load_until"] is not None:
        _load(store, datetime.fromisoformat(request["load_until"]), answer)
    for view in _views(store):
        ends = [end for _, end in getattr(view, "materialization_intervals", ())]
        answer["loaded_until"][view.name] = _microseconds(max(ends)) if ends else None
    for asked in request["retrievals"]:
        try:
            found = (_historical if asked["kind"] == "historical" else _online)(store, asked)
        except Exception as error:  # noqa: BLE001 - what Feast raises is its answer
            found = {"error": f"{type(error).__name__}: {error}"}
        answer["retrievals"].append(found)


def _views(store: Any) -> list[Any]:
    """Return the views that are loaded, stream views too."""
    listed = (store.list_all_feature_views if hasattr(store, "list_all_feature_views") else store.list_feature_views)()
    return [view for view in listed if hasattr(view, "materialization_intervals")]


def _apply(repo: Path) -> None:
    load_config = importlib.import_module("feast.repo_config").load_repo_config
    apply_total = importlib.import_module("feast.repo_operations").apply_total
    apply_total(load_config(repo, repo / "feature_store.yaml"), repo, True)


def _load(store: Any, until: datetime, answer: dict[str, Any]) -> None:
    """Load view by view, so that one that fails leaves the others."""
    answer["load_errors"] = {}
    for view in _views(store):
        try:
            if view.online:
                store.materialize(datetime(1970, 1, 2, tzinfo=_UTC), until, feature_views=[view.name])
        except Exception as error:  # noqa: BLE001 - what Feast raises is its answer
            answer["load_errors"][view.name] = f"{type(error).__name__}: {error}"


def _features(store: Any, asked: dict[str, Any]) -> Any:
    return store.get_feature_service(asked["service"]) if asked["service"] else asked["features"]


def _historical(store: Any, asked: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    frame = pd.read_parquet(asked["spine"])
    job = store.get_historical_features(entity_df=frame, features=_features(store, asked), full_feature_names=True)
    found = job.to_df()
    return {
        "rows": [int(number) for number in found[ROW]],
        "columns": {name: [plain(value) for value in found[name]] for name in asked["outputs"] if name in found},
        "dtypes": {name: str(found[name].dtype) for name in asked["outputs"] if name in found},
    }


def _online(store: Any, asked: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    frame = pd.read_parquet(asked["spine"])
    rows = [{name: _native(value) for name, value in row.items()} for row in frame.to_dict("records")]
    found = store.get_online_features(features=_features(store, asked), entity_rows=rows, full_feature_names=True)
    columns = found.to_dict()
    return {
        "rows": list(range(len(rows))),
        "columns": {name: [plain(value) for value in columns[name]] for name in asked["outputs"] if name in columns},
        "dtypes": {},
    }


def _native(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main(*sys.argv[1:])
