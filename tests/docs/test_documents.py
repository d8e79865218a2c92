"""The tutorial and the how-to guides do what they say."""

from __future__ import annotations

from pathlib import Path

import document
import pytest

DOCS = Path(__file__).parents[2] / "docs"
FOLLOWED = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]


@pytest.mark.parametrize("path", FOLLOWED, ids=lambda path: path.stem)
def test_document_does_what_it_says(path: Path, tmp_path: Path) -> None:
    document.follow(path, tmp_path)


def test_reader_notices_a_wrong_output(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```console\n$ echo 1\n2\n```\n")
    with pytest.raises(AssertionError, match="the document says"):
        document.follow(wrong, tmp_path)


def test_reader_notices_a_failing_command(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```console\n$ false\n```\n")
    with pytest.raises(AssertionError, match="exited with 1"):
        document.follow(wrong, tmp_path)


def test_reader_notices_a_wrong_session(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```python\nx = 1\n```\n\n```pycon\n>>> x + 1\n3\n```\n")
    with pytest.raises(AssertionError, match="Expected"):
        document.follow(wrong, tmp_path)


def test_reader_keeps_the_folder_and_the_session(tmp_path: Path) -> None:
    right = tmp_path / "right.md"
    right.write_text(
        '```console\n$ mkdir here\n$ cd here\n```\n```python title="value.txt"\n7\n```\n'
        "```python\nfrom pathlib import Path\nx = int(Path('value.txt').read_text())\n```\n"
        "```pycon\n>>> x\n7\n```\n```console\n$ cat \\\n    value.txt\n7\n```\n"
    )
    document.follow(right, tmp_path)


def test_reader_refuses_a_language_it_does_not_know(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```ruby\nputs 1\n```\n")
    with pytest.raises(AssertionError, match="ruby"):
        document.follow(wrong, tmp_path)
