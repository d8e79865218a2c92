"""What feature_store.yaml may say and what wrong ones are told: bad.txt and good.txt hold file and answer.

After a change on purpose: ``UPDATE_GOLDEN=1 pytest tests/config`` writes the answers anew; read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from repast.app.config import RepoConfig, load_config
from repast.app.document import config_error
from repast.app.plugin import check_backends, open_offline_engine, open_online_store, open_registry
from repast.errors import RepastError

HERE = Path(__file__).parent
ENVIRONMENT = {
    "PORT": "6379",
    "WORD": "many",
    "EMPTY": "",
    "FOLDER_SET": "data",
    "INJECTED": "x\nonline_store: null\nsecret: ${PORT}",
}
Cases = dict[str, tuple[str, str]]


def read_cases(file: str, word: str) -> Cases:
    text = (HERE / file).read_bytes().decode()
    cases: Cases = {}
    for block in text.split("=== ")[1:]:
        name, _, rest = block.partition("\n")
        written, _, answer = rest.partition(f"--- {word}\n")
        assert name not in cases
        cases[name] = (written, answer.strip("\n"))
    return cases


BAD, GOOD = read_cases("bad.txt", "says"), read_cases("good.txt", "means")


def answer(folder: Path, written: str, show: Callable[[RepoConfig], str]) -> str:
    (folder / "feature_store.yaml").write_bytes(written.encode())
    try:
        config = load_config(folder, environ=ENVIRONMENT)
        if problems := check_backends(config):
            raise config_error(problems)
        open_registry(config).close()
        open_offline_engine(config).close()
        if config.online_store is not None:
            open_online_store(config).close()
    except RepastError as error:
        text = f"{type(error).__name__}: {error}"
    else:
        text = show(config)
    return text.replace(str(folder), "REPO")


def meaning(config: RepoConfig) -> str:
    public = json.dumps(config.to_public_dict(), indent=1)
    return "\n".join([public, *(f"ignored {key}: {reason}" for key, reason in config.ignored.items())])


def check(file: str, word: str, cases: Cases, name: str, said: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        cases[name] = (cases[name][0], said)
        blocks = (f"=== {name}\n{written}--- {word}\n{answer}\n\n" for name, (written, answer) in cases.items())
        (HERE / file).write_bytes("".join(blocks).encode())
    assert said == cases[name][1]


@pytest.mark.parametrize("name", BAD)
def test_bad(tmp_path: Path, name: str) -> None:
    said = answer(tmp_path, BAD[name][0], lambda config: "nothing is wrong")
    assert "hidden" not in said
    check("bad.txt", "says", BAD, name, said)


@pytest.mark.parametrize("name", GOOD)
def test_good(tmp_path: Path, name: str) -> None:
    said = answer(tmp_path, GOOD[name][0], meaning)
    assert "hidden" not in said
    check("good.txt", "means", GOOD, name, said)


def test_there_are_enough_of_them() -> None:
    assert len(BAD) > 60
    assert not [name for name, (_, said) in BAD.items() if said == "nothing is wrong"]
    assert not [name for name, (_, said) in GOOD.items() if "Error" in said]
