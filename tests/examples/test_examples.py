"""Every example ends with the same printed features: on one machine, on a team's servers, in each cloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.bigquery import PROJECT, run_bigquery
from server.bucket import BUCKET, run_azure, run_gcs, run_s3
from server.datastore import run_datastore
from server.dynamodb import CREDENTIALS, run_dynalite
from server.postgres import DATABASE, USER, run_postgres
from server.redis import run_redis

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = ("local", "team", "gcp", "aws", "azure")
COMMON = "# From here on this file is the same in every example.\n"
Environment = Mapping[str, str]


def team(servers: ExitStack) -> Environment:
    database, redis = servers.enter_context(run_postgres()), servers.enter_context(run_redis())
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(database.port),
        "PGUSER": USER,
        "PGPASSWORD": str(database.options["password"]),
        "PGDATABASE": DATABASE,
        "REDIS_ADDRESS": redis.address,
    }


def gcp(servers: ExitStack) -> Environment:
    bucket, warehouse = servers.enter_context(run_gcs()), servers.enter_context(run_bigquery())
    return {
        "GOOGLE_SERVICE_ACCOUNT_KEY": bucket.options["service_account_key"],
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "BIGQUERY_ENDPOINT": warehouse.options["api_endpoint"],
        "DATASTORE_EMULATOR_HOST": servers.enter_context(run_datastore()),
    }


def aws(servers: ExitStack) -> Environment:
    bucket, database = servers.enter_context(run_s3()), servers.enter_context(run_dynalite())
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ENDPOINT_URL_DYNAMODB": database.url,
        "AWS_ALLOW_HTTP": "true",
    }


def azure(servers: ExitStack) -> Environment:
    bucket, redis = servers.enter_context(run_azure()), servers.enter_context(run_redis())
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": bucket.options["account_name"],
        "AZURE_STORAGE_ACCOUNT_KEY": bucket.options["account_key"],
        "AZURE_STORAGE_ENDPOINT": bucket.options["endpoint"],
        "AZURE_ALLOW_HTTP": "true",
        "REDIS_ADDRESS": redis.address,
    }


SERVERS: dict[str, Callable[[ExitStack], Environment]] = {"team": team, "gcp": gcp, "aws": aws, "azure": azure}


def run(name: str, folder: Path, environment: Environment) -> str:
    """Run an example in a copy of its folder, as its README says; return what it printed."""
    shutil.copytree(EXAMPLES / name, folder / name)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "run.py"), name, str(folder / name)],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run("local", tmp_path_factory.mktemp("local"), {})


def test_the_local_example_prints_what_the_examples_say(expected: str) -> None:
    readme = (EXAMPLES / "README.md").read_text()
    assert f"```text\n{expected}```\n" in readme, expected


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow]) for name in SERVERS])
def test_an_example_prints_what_the_local_one_does(name: str, expected: str, tmp_path: Path) -> None:
    with ExitStack() as servers:
        assert run(name, tmp_path, SERVERS[name](servers)) == expected


def test_the_definitions_differ_in_their_sources_only() -> None:
    parts = {name: (EXAMPLES / name / "features.py").read_text().partition(COMMON) for name in NAMES}
    assert len({rest for _, _, rest in parts.values()}) == 1
    assert all(mark and "Source(" in sources for sources, mark, _ in parts.values())


def test_the_bucket_of_the_examples_is_the_one_of_the_tests() -> None:
    assert all(
        f"://{BUCKET}/" in (EXAMPLES / name / "feature_store.yaml").read_text() for name in ("gcp", "aws", "azure")
    )
