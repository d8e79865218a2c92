"""``feast init``: a repo with a configuration, definitions and data, as Feast lays it out."""

from __future__ import annotations

import random
from pathlib import Path

import click

from feast.adapter.notice import refuse
from feast.cli.template import MISSING, TEMPLATES, Template, text_of, write_data
from repast.errors import ConflictError

TUTORIAL = "feature_repo"
"""The name of the repo in the tutorial of 2022: its files are in the folder itself, as they were then."""
IGNORE = "__pycache__/\n*.py[cod]\n.ipynb_checkpoints/\ndata/online_store.db*\ndata/registry.db*\n"
_TYPE = click.Choice([*TEMPLATES, *MISSING], case_sensitive=False)


@click.command("init")
@click.argument("project_directory", required=False)
@click.option("-m", "--minimal", is_flag=True, help="Only feature_store.yaml.")
@click.option("-t", "--template", type=_TYPE, default="local", help="What to start from.")
@click.option("--repo-path", type=click.Path(path_type=Path), help="Where; by default a folder of the project's name.")
def init(project_directory: str | None, minimal: bool, template: str, repo_path: Path | None) -> None:
    """Make a repo: PROJECT_DIRECTORY/feature_repo with feature_store.yaml, definitions and data.

    A repo called 'feature_repo' has its files in the folder itself, as the tutorial of 2022 has them.
    """
    if template in MISSING:
        refuse(f"feast init --template {template}", hint=f"{MISSING[template]}; use one of {', '.join(TEMPLATES)}")
    name = project_directory or f"feature_repo_{random.randrange(1000, 9999)}"  # noqa: S311  # a name, not a secret
    outer = repo_path or Path(name)
    project = "".join(c if c.isalnum() or c == "_" else "_" for c in Path(name).resolve().name).lstrip("_")
    flat = outer.name == TUTORIAL
    repo = outer if flat else outer / "feature_repo"
    if (repo / "feature_store.yaml").exists() or (outer / "feature_store.yaml").exists():
        raise ConflictError(f"The folder {outer} has a feature_store.yaml already.", hint="choose another name")
    _write(repo / "__init__.py", "")
    _write(outer / ".gitignore", IGNORE)
    _write(repo / "feature_store.yaml", TEMPLATES[template].configuration(project, flat=flat))
    if not minimal:
        _fill(outer, repo, project, TEMPLATES[template], flat=flat)
    click.echo(f"\nCreating a new Feast repository in {outer.resolve()}\n")


def _fill(outer: Path, repo: Path, project: str, template: Template, *, flat: bool) -> None:
    local = template.source is None
    if local and flat:
        _write(repo / "example.py", text_of("example.py", project))
    elif local:
        _write(repo / "feature_definitions.py", text_of("feature_definitions.py", project))
        _write(repo / "test_workflow.py", text_of("test_workflow.py", project))
    else:
        _write(repo / "feature_definitions.py", text_of("warehouse_definitions.py", project, template))
    write_data(repo / "data", full=local and not flat)
    if not flat:
        _write(outer / "__init__.py", "")
        _write(outer / "README.md", text_of("README.md", project))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
