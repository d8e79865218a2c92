"""The reports of ``repast migrate``, as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from repast.app.migration.comparison import CAUSES, readable
from repast.app.migration.difference import RULES
from repast.cli.style import paint
from repast.cli.table import print_table
from repast.cli.value import to_text

if TYPE_CHECKING:
    from repast.app.migration.comparison import FeatureParity, RetrievalParity, ShadowReport
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


def print_shadow(report: ShadowReport) -> None:
    """Print both sides of all retrievals: a line per feature, one example per cause, then what the causes say."""
    click.echo(f"Feast {report.feast_version} and Repast, project {report.project}\n")
    rows = [
        (retrieval.kind, feature.name, feature.rows, feature.equal, feature.different, _causes(feature))
        for retrieval in report.retrievals
        for feature in retrieval.features
    ]
    print_table(["retrieval", "feature", "rows", "equal", "different", "causes"], rows)
    for retrieval in report.retrievals:
        for line in _notes(retrieval):
            click.echo(line)
    for reason in report.skipped:
        click.echo(f"not compared: {reason}")
    causes = report.causes
    if causes:
        click.echo(f"\n{paint('Causes', 'bold')}")
    for cause, meaning in CAUSES.items():
        if causes[cause]:
            click.echo(f"    {paint(cause.ljust(_WIDTH + 2), 'cyan')}  {meaning}: {causes[cause]:,}")
    verdict = ("Both give the same.", "green") if report.is_parity else ("They differ.", "yellow")
    click.echo(f"\n{paint(verdict[0], 'bold', verdict[1])}")


def _causes(feature: FeatureParity) -> str:
    listed = [f"{cause} {count:,}" for cause, count in sorted(feature.causes.items())]
    return ", ".join(listed) + (f" (integers as {feature.dtype})" if feature.dtype else "")


def _notes(retrieval: RetrievalParity) -> Iterable[str]:
    subject = f"{retrieval.kind} {retrieval.name}"
    if retrieval.lost_rows:
        yield f"{subject}: Feast lost {retrieval.lost_rows:,} of {retrieval.rows:,} rows"
    if retrieval.moved_rows:
        yield f"{subject}: {retrieval.moved_rows:,} of Feast's rows are in another place"
    if retrieval.recorded_later:
        yield (
            f"{subject}: {retrieval.recorded_later:,} of {retrieval.rows:,} rows have values that were recorded only "
            "after their time, on both sides; as_of='available' leaves them out"
        )
    for side, error in (("Feast", retrieval.feast_error), ("Repast", retrieval.repast_error)):
        if error:
            yield f"{subject}: {side} answers with an error: {error}"
    shown = {"lost_row"}
    for feature in retrieval.features:
        for example in feature.examples:
            if example.cause not in shown:
                shown.add(example.cause)
                asked = ", ".join(f"{name}={to_text(value)}" for name, value in example.asked.items())
                feast, ours = to_text(readable(example.feast)), to_text(readable(example.repast))
                yield f"    {example.cause}, for example {feature.name} of {asked}: Feast {feast}, Repast {ours}"
