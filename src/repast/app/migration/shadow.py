"""The same retrievals on the real Feast and on Repast, over copies, and what is different about the answers."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.app.migration.comparison import ShadowReport
from repast.app.migration.compat import hearing, require_compat
from repast.app.migration.feast_process import run_feast
from repast.app.migration.feast_script import plain
from repast.app.migration.repo_copy import copy_for_feast, copy_for_repast
from repast.app.migration.retrieval import Retrieval, ShadowRequest, plan_retrievals
from repast.app.migration.verdict import Judge, compare
from repast.core.clock import to_us
from repast.core.plan.offline import AsOf
from repast.errors import InvalidDefinitionError, RepastError

if TYPE_CHECKING:
    from repast.app.store import FeatureStore

EPOCH = datetime(1970, 1, 2, tzinfo=UTC)


def shadow(request: ShadowRequest) -> ShadowReport:
    """Compare Feast's answers with Repast's. The user's registry, online store and data are only copied.

    Raises:
        MissingDependencyError: The package repast-feast is not installed, or the interpreter has no Feast.
        UnavailableError: Feast failed altogether.
        InvalidRequestError: What should be asked does not fit the repo.

    """
    from repast.app.store import FeatureStore

    require_compat()
    with tempfile.TemporaryDirectory(prefix="repast-shadow-") as folder, hearing(), ExitStack() as stack:
        place = Path(folder)
        feast_repo = copy_for_feast(request.repo, place / "feast", loaded=request.loaded)
        repo = copy_for_repast(request.repo, place / "repast")
        store = stack.enter_context(FeatureStore(repo))
        try:
            store.apply()
        except InvalidDefinitionError as error:
            message = error.message.replace(str(repo), str(request.repo))
            raise InvalidDefinitionError(
                message, hint=f"see all of it with: repast migrate check {request.repo}"
            ) from error
        asked, skipped = plan_retrievals(store, request)
        until = datetime.now(UTC)
        errors = _load(store, until)
        for one in asked:
            _answer(store, one, errors)
        found = run_feast(request, feast_repo, None if request.loaded else until, asked, place)
        judge = Judge(store, found["loaded_until"], to_us(until))
        pairs = zip(asked, found["retrievals"], strict=True)
        retrievals = [compare(judge, one, theirs, found.get("load_errors", {})) for one, theirs in pairs]
        return ShadowReport(store.project, found["version"], retrievals, skipped)


def _load(store: FeatureStore, until: datetime) -> dict[str, str]:
    """Load view by view; return why those failed that did."""
    errors: dict[str, str] = {}
    for view in store.list_feature_views():
        try:
            if view.online and store.config.online_store is not None:
                store.materialize(EPOCH, until, [view.name])
        except RepastError as error:
            errors[view.name] = error.message
    return errors


def _answer(store: FeatureStore, asked: Retrieval, load_errors: dict[str, str]) -> None:
    try:
        if asked.kind == "historical":
            columns = _train(store, asked, "event")
            known = _train(store, asked, "available")
            pairs = (zip(columns[name], known[name], strict=True) for name in asked.outputs)
            asked.recorded_later = sum(any(repr(a) != repr(b) for a, b in row) for row in zip(*pairs, strict=True))
        else:
            failed = [why for view, why in load_errors.items() if asked.asks(view)]
            if failed and not asked.service:
                asked.error = failed[0]
                return
            rows = {name: asked.spine[name].to_pylist() for name in asked.spine.column_names}
            columns = store.get_online_features(asked.features, rows, full_feature_names=True).to_dict()
    except RepastError as error:
        asked.error = error.message
        return
    asked.answer = {name: [plain(value) for value in columns[name]] for name in asked.outputs}


def _train(store: FeatureStore, asked: Retrieval, as_of: AsOf) -> dict[str, list[Any]]:
    job = store.get_historical_features(asked.spine, asked.features, full_feature_names=True, as_of=as_of)
    table = job.to_arrow()
    return {name: table[name].to_pylist() for name in asked.outputs}
