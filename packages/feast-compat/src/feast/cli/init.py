"""``feast init``: the tutorial's repo, with data."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import click

YAML = """\
project: {project}
registry: data/registry.db
provider: local
online_store:
    type: sqlite
    path: data/online_store.db
"""
IGNORE = "__pycache__/\n*.py[cod]\ndata/online_store.db*\ndata/registry.db*\n"


@click.command()
@click.argument("project_directory", required=False)
@click.option("--minimal", "-m", is_flag=True, help="Only feature_store.yaml.")
@click.option("--template", "-t", default="local", help="What to start from: local or minimal.")
def init(project_directory: str | None, minimal: bool, template: str) -> None:
    """Make a repo with feature_store.yaml, example definitions and data/driver_stats.parquet."""
    if template not in ("local", "minimal"):
        raise click.UsageError(f"There is no template {template!r} here. Use local or minimal.")
    name = project_directory or f"feature_repo_{random.randrange(1000, 9999)}"  # noqa: S311  # a name, not a secret
    folder = Path(name)
    if (folder / "feature_store.yaml").exists():
        raise click.ClickException(f"The folder {name} has a feature_store.yaml already.")
    project = "".join(c if c.isalnum() or c == "_" else "_" for c in folder.resolve().name).lstrip("_")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / "feature_store.yaml").write_text(YAML.format(project=project), encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORE, encoding="utf-8")
    if not minimal and template == "local":
        from feast.driver_test_data import write_driver_stats

        example = resources.files("feast.cli").joinpath("example.py.txt").read_text(encoding="utf-8")
        (folder / "example.py").write_text(example, encoding="utf-8")
        write_driver_stats(folder / "data" / "driver_stats.parquet", end=datetime.now(UTC))
    click.echo(f"\nCreating a new Feast repository in {folder.resolve()}\n")
