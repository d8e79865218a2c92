"""The tutorial and the how-to guides do what they say."""

from __future__ import annotations

from pathlib import Path

import document
import pytest

DOCS = Path(__file__).parents[2] / "docs"
FOLLOWED = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]


@pytest.mark.parametrize("path", FOLLOWED, ids=lambda path: path.stem)
def test_document_does_what_it_says(path: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    real = bool(pytestconfig.getoption("--slow"))
    assert document.follow(path, tmp_path, real_processes=real) > 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ echo 1\n2\n```\n", "the document says"),
        ("```console\n$ echo 1\n```\n", "the document says"),
        ("```console\n$ true\n1\n```\n", "the document says"),
        ("```console\n$ false\n```\n", "exited with 1"),
        ("```python\nx = 1\n```\n\n```pycon\n>>> x + 1\n3\n```\n", "the document says"),
        ("```pycon\n>>> 1 / 0\n0\n```\n", "ZeroDivisionError"),
        ("```ruby\nputs 1\n```\n", "ruby"),
        ("```crontab\n0 * * * * false\n```\n", "exited with 1"),
        ("```crontab\n0 * * * * echo surprise\n```\n", "surprise"),
        ('```text title="a.py"\nx = 1\n```\n\n```python part="a.py"\nx = 2\n```\n', "no such part"),
    ],
)
def test_reader_notices_what_is_wrong(text: str, complaint: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text(text)
    with pytest.raises(AssertionError, match=complaint):
        document.follow(wrong, tmp_path)


def test_reader_keeps_the_folder_and_the_session(tmp_path: Path) -> None:
    right = tmp_path / "right.md"
    right.write_text(
        '```console\n$ mkdir here\n$ cd here\n```\n```python title="value.txt"\n7\n```\n'
        "```python\nfrom pathlib import Path\nx = int(Path('value.txt').read_text())\n```\n"
        "```pycon\n>>> x\n7\n>>> for i in range(2):\n...     print(i)\n0\n1\n>>> 1 / 0\n"
        "Traceback (most recent call last):\n  ...\nZeroDivisionError: division by zero\n```\n"
        "```console\n$ cat \\\n    value.txt\n7\n$ echo 'a\nb'\na\nb\n"
        "$ date -u +%Y-%m-%dT%H:%M:%SZ\n2026-01-05T09:30:00Z\n```\n"
    )
    assert document.follow(right, tmp_path) == 5


def test_rewriting_makes_a_wrong_document_right(tmp_path: Path) -> None:
    path = tmp_path / "wrong.md"
    path.write_text("Text.\n\n```console\n$ echo 1\n2\n3\n$ true\n```\n\n```pycon\n>>> 1 + 1\n```\n")
    document.rewrite(path)
    assert path.read_text() == "Text.\n\n```console\n$ echo 1\n1\n$ true\n```\n\n```pycon\n>>> 1 + 1\n2\n```\n"
