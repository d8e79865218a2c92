"""The reports of ``repast migrate``, as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from repast.app.migration.difference import RULES
from repast.cli.style import paint

if TYPE_CHECKING:
    from repast.app.migration.finding import CheckedObject, CheckReport, Finding

_WORDS = {
    "refused": ("refused", "red"),
    "ignored": ("accepted", "yellow"),
    "legacy": ("accepted", "yellow"),
    "unknown": ("not seen", "yellow"),
    "differs": ("differs", "cyan"),
}
_MARKS = {"works": ("+", "green"), "warns": ("~", "yellow"), "refused": ("-", "red")}
_WIDTH = max(len(word) for word, _ in _WORDS.values())


def print_check(report: CheckReport) -> None:
    """Print what a check found: the objects with what is special about each, then the rules, then the count."""
    if report.others:
        click.echo(paint("repo", "bold"))
        _print_findings(report.others)
    for checked in report.objects:
        mark, color = _MARKS[checked.verdict]
        place = f"  ({checked.location})" if checked.location else ""
        click.echo(f"{paint(mark, 'bold', color)} {checked.kind} {paint(checked.name, 'bold')}{paint(place, 'dim')}")
        _print_findings(checked.findings, besides=str(checked.location))
    _print_rules(report.findings)
    click.echo()
    click.echo(_summary(report.objects, report.findings))


def _print_findings(findings: Iterable[Finding], besides: str = "") -> None:
    for finding in findings:
        word, color = _WORDS[finding.status]
        code = f"{finding.code}: " if finding.code else ""
        place = str(finding.location) if finding.location else besides
        where = f"{place}: " if place != besides else ""
        click.echo(f"    {paint(word.ljust(_WIDTH), color)}  {where}{code}{finding.message}")
        if finding.hint:
            click.echo(f"    {'':{_WIDTH}}  hint: {finding.hint}")


def _print_rules(findings: Iterable[Finding]) -> None:
    codes = {finding.code for finding in findings if finding.status == "differs"}
    if codes:
        click.echo(f"\n{paint('Differences in value', 'bold')}")
    for code, rule in RULES.items():
        if code in codes:
            click.echo(f"    {paint(code.ljust(_WIDTH), 'cyan')}  {rule}")


def _summary(objects: Iterable[CheckedObject], findings: Iterable[Finding]) -> str:
    verdicts = Counter(checked.verdict for checked in objects)
    refused = sum(finding.status == "refused" for finding in findings)
    counts = f"{verdicts.total()} objects: {verdicts['works']} work as they are, {verdicts['warns']} with a warning"
    end = "Nothing is refused." if not refused else f"{refused} thing{'s are' * (refused > 1) or ' is'} refused."
    return f"{counts}, {verdicts['refused']} refused. {end}"
