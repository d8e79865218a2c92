"""``repast demo``: the whole path on real data, told step by step with the commands a person would type."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click

from repast.cli.group import TaughtCommand
from repast.cli.style import is_terminal, paint
from repast.errors import ConflictError

WIDTH = 100
PROJECT = "flights"
MOMENT = "2013-03-28T18:00:00Z"


@dataclass(frozen=True)
class Step:
    """Something to tell, and the command line that shows it."""

    told: str
    command: str


START = Step("A project: definitions, and real data about flights out of New York.", f"repast init {PROJECT}")
STEPS = (
    Step("Its definitions go into the registry: all of them, or none.", "repast apply"),
    Step(
        "Training data. For every departure in March: what was known of the plane and the weather when it was due to "
        "leave, and never later. Same rows, same order, one more column per feature. (null: that plane had not arrived "
        "in the two weeks before.)",
        "repast get-historical-features -s delay_model -d data/departures.parquet",
    ),
    Step(
        "The newest value of every plane and airport goes into the online store.",
        f"repast materialize 2013-01-01 {MOMENT}",
    ),
    Step(
        "What the model is served as flight B6 615 is about to leave JFK: the same definitions, the same values. Its "
        "plane came in 72 minutes late, and the timetable absorbs 41 of them. (It did arrive 66 minutes late.) The "
        "data is of 2013, so we say which moment it is; today, every value is older than its ttl allows.",
        "repast get-online-features -s delay_model -e tailnum=N324JB -e origin=JFK \\\n"
        f"    -e distance=828 -e scheduled_minutes=151 --now {MOMENT}",
    ),
)
NEXT = (
    ("cat features.py", "the definitions, on one page"),
    ("repast list features", "every feature with its type and meaning"),
    ("repast describe feature-views weather", "one view in full"),
    (
        "repast get-historical-features -f weather:temp -d data/departures.parquet --as-of available",
        "without weather that was not on record yet",
    ),
    ("repast plan", "after you changed something in features.py"),
    ("repast --help", "everything else"),
)


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast demo", "In a new temporary folder, which is kept for you to play with"),
        ("repast demo ~/try", "In a folder of your choice"),
    ],
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def demo(folder: Path | None) -> None:
    """See everything work on real data: init, apply, training data, a load, an online read.

    Every step is a command that you can type yourself. FOLDER must not exist or be empty.
    """
    home = _make_folder(folder)
    with contextlib.chdir(home):
        _show(START)
    with contextlib.chdir(home / PROJECT):
        for step in STEPS:
            _show(step)
    _tell_next(home / PROJECT)


def _make_folder(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="repast-demo-"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            f"{str(folder)!r} exists and is not an empty folder; nothing was changed.",
            hint="name another folder, or none to use a temporary one",
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _show(step: Step) -> None:
    from repast.cli.main import invoke

    for line in textwrap.wrap(step.told, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)):
        click.echo(paint(line, "bold"))
    click.echo("\n" + paint(f"$ {step.command}", "cyan"))
    started = perf_counter()
    # The file is named, so that an environment variable which names another project's has no say here.
    invoke(["-f", "feature_store.yaml", *shlex.split(step.command.replace("\\\n", ""))[1:]])
    if is_terminal(sys.stdout):
        click.echo(paint(f"{perf_counter() - started:.1f} s", "dim"))
    click.echo()


def _tell_next(project: Path) -> None:
    click.echo(paint("That was all of it. The project is yours to play with:", "bold"))
    click.echo(f"\n  cd {project}")
    for command, comment in NEXT:
        click.echo(f"  {command}\n      {paint(comment, 'dim')}")
