"""Wrong command lines, and wrong files under right ones."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command_line import MOMENT, run_all, run_repast

GOLDEN = Path(__file__).with_name("command_misuse.txt")
Change = Callable[[Path], object]


@dataclass(frozen=True)
class Misuse:
    """Something a person may get wrong: what they changed before, and what they typed."""

    name: str
    command: str
    change: Change | None = None
    """Done to a project of its own before; None: the shared project is used."""


def edit(file: str, old: str, new: str) -> Change:
    """Return a change of one file."""

    def change(project: Path) -> None:
        text = (project / file).read_text()
        assert old in text
        (project / file).write_text(text.replace(old, new))

    return change


def remove(file: str) -> Change:
    """Return the removal of one file."""
    return lambda project: (project / file).unlink()


def write(file: str, text: str) -> Change:
    """Return the writing of one file."""
    return lambda project: (project / file).write_text(text)


def tear_down(project: Path) -> None:
    """Forget what was applied."""
    shutil.rmtree(project / "data/registry")


ROWS = '[{"origin": "JFK", "event_timestamp": "2013-03-28T18:00:00Z"}]'

MISUSES = (
    # The command line itself.
    Misuse("unknown command", "aply"),
    Misuse("unknown command without a neighbour", "xyzzy"),
    Misuse("unknown option", "plan --jsn"),
    Misuse("unknown global option", "--jsn plan"),
    Misuse("option of a command before it", "--json plan"),
    Misuse("missing argument", "describe entities"),
    Misuse("one argument too many", "plan features.py"),
    Misuse("unknown log level", "--log-level loud plan"),
    Misuse("folder that does not exist", "-c nowhere plan"),
    # init.
    Misuse("init without a name", "init"),
    Misuse("init over a file", "init features.py"),
    Misuse("init over a folder", "init data"),
    Misuse("init with a path", "init a/b"),
    Misuse("init with a bad name", "init 'my project'"),
    Misuse("unknown template", "init x -t locl"),
    Misuse("demo in a folder that is not empty", "demo data"),
    # feature_store.yaml.
    Misuse("no configuration", "plan", remove("feature_store.yaml")),
    Misuse("configuration elsewhere", "-f staging.yaml plan"),
    Misuse("misspelt key", "plan", edit("feature_store.yaml", "online_store:", "onlin_store:")),
    Misuse("misspelt option", "plan", edit("feature_store.yaml", "path: data/online_store.db", "pth: data/x.db")),
    Misuse("unknown store", "plan", edit("feature_store.yaml", "type: sqlite", "type: sqlit")),
    Misuse("not YAML", "plan", write("feature_store.yaml", "project: [flights\n")),
    # Definitions.
    Misuse("syntax error", "plan", write("features.py", "plane = Entity(\n")),
    Misuse("exception at import", "apply", write("features.py", "1 / 0\n")),
    Misuse("column that does not exist", "apply", edit("features.py", '"temp", dtype', '"tempp", dtype')),
    Misuse("Python type", "apply", edit("features.py", '"temp", dtype=Float64', '"temp", dtype=str')),
    Misuse("source that does not exist", "apply", edit("features.py", "data/weather.parquet", "data/wether.parquet")),
    Misuse(
        "type change of a served feature",
        "apply",
        edit("features.py", '"arrivals", dtype=Int64', '"arrivals", dtype=Float64'),
    ),
    # Names.
    Misuse("unknown kind", "list entitys"),
    Misuse("unknown kind to describe", "describe view weather"),
    Misuse("misspelt name", "describe entities plan"),
    Misuse("misspelt feature", "describe features weather:tmp"),
    Misuse("tag without a value", "list entities --tags team"),
    Misuse("rollback to a generation that never was", "rollback 7"),
    Misuse("rollback to nothing", "rollback zero"),
    # Loads.
    Misuse("not a moment", "materialize yesterday 2013-03-01"),
    Misuse("end before start", "materialize 2013-03-02 2013-03-01"),
    Misuse("load without an end", "materialize 2013-03-02"),
    Misuse("load of a view that does not exist", "materialize-incremental -v wether"),
    Misuse("load before apply", "materialize 2013-03-01 2013-03-02 -v weather", tear_down),
    # Online reads.
    Misuse("no features", "get-online-features -e origin=JFK"),
    Misuse("features and a service", "get-online-features -f weather:temp -s delay_model -e origin=JFK"),
    Misuse("misspelt view", "get-online-features -f wether:temp -e origin=JFK"),
    Misuse("misspelt feature to serve", "get-online-features -f weather:tmp -e origin=JFK"),
    Misuse("feature without a view", "get-online-features -f temp -e origin=JFK"),
    Misuse("misspelt service", "get-online-features -s delay_modle -e origin=JFK"),
    Misuse("key without a value", "get-online-features -f weather:temp -e origin"),
    Misuse("misspelt join key", "get-online-features -f weather:temp -e orign=JFK"),
    Misuse("missing key", "get-online-features -f plane_history:arrivals -f weather:temp -e origin=JFK"),
    Misuse(
        "request field of the wrong type",
        "get-online-features -f schedule_risk:slack_minutes -e tailnum=N324JB -e scheduled_minutes=1 -e distance=far",
    ),
    Misuse(
        "keys that make no rows",
        "get-online-features -s delay_model -e origin=JFK -e origin=LGA -e tailnum=a -e tailnum=b -e tailnum=c",
    ),
    Misuse("moment that is none", "get-online-features -f weather:temp -e origin=JFK --now noon"),
    # Training data.
    Misuse("rows that are not JSON", "get-historical-features -f weather:temp -d '[{origin: JFK}]'"),
    Misuse("rows that are not objects", "get-historical-features -f weather:temp -d '[1, 2]'"),
    Misuse("rows without a time", """get-historical-features -f weather:temp -d '[{"origin": "JFK"}]'"""),
    Misuse(
        "rows with a time that is none",
        """get-historical-features -f weather:temp -d '[{"origin": "JFK", "event_timestamp": "noon"}]'""",
    ),
    Misuse(
        "rows without a key",
        """get-historical-features -f weather:temp -d '[{"event_timestamp": "2013-03-28T18:00:00Z"}]'""",
    ),
    Misuse(
        "rows of several types",
        """get-historical-features -f weather:temp -d '[{"event_timestamp": "2013-03-28", "x": 1}, {"x": "a"}]'""",
    ),
    Misuse("spine that does not exist", "get-historical-features -f weather:temp -d data/departure.parquet"),
    Misuse("spine that is not Parquet", "get-historical-features -f weather:temp -d data/README.md"),
    Misuse("neither rows nor a range", "get-historical-features -f weather:temp"),
    Misuse(
        "unknown as-of",
        f"get-historical-features -f weather:temp -d '{ROWS}' --as-of now",
    ),
    Misuse(
        "output that cannot be written",
        f"get-historical-features -f weather:temp -d '{ROWS}' -o data",
    ),
)


def run_misuse(misuse: Misuse, served: Path, own: Path) -> str:
    """Do what somebody got wrong and return what they are told: the message and the exit code."""
    project = served
    if misuse.change is not None:
        project = Path(shutil.copytree(served, own / "flights"))
        misuse.change(project)
    result = run_repast(*shlex.split(misuse.command), cwd=project)
    told = result.err.replace(str(project), "/flights").replace(str(project.resolve()), "/flights")
    assert "should not have happened" not in told, told
    told = re.sub(r"\.[0-9a-f]{32}\.", ".UNIQUE.", told)
    return f"{told}exit code {result.code}\n"


def read_golden() -> dict[str, str]:
    """Return what each misuse is told, by its name."""
    sections = GOLDEN.read_text().split("\n== ")
    return {name: told for name, _, told in (section.partition(" ==\n") for section in sections[1:])}


def rewrite_golden() -> None:
    """Write what is told now; read the difference before you commit it."""
    with tempfile.TemporaryDirectory() as folder:
        served = Path(folder, "served")
        served.mkdir()
        run_all([["init", "flights"]], served)
        served /= "flights"
        run_all([["apply"], ["materialize", "2013-01-01", MOMENT]], served)
        lines = ["What people are told. Made by: python tests/cli/command_misuse.py\n"]
        for i, misuse in enumerate(MISUSES):
            own = Path(folder, str(i))
            own.mkdir()
            lines.append(f"\n== {misuse.name} ==\n{run_misuse(misuse, served, own)}")
    GOLDEN.write_text("".join(lines))


if __name__ == "__main__":
    rewrite_golden()
