"""The entry point: global options, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from repast import __version__
from repast.cli import exit as exit_code
from repast.cli.catalog import KIND_GROUPS, SECTIONS
from repast.cli.group import LazyGroup, explain
from repast.cli.session import Session
from repast.cli.style import paint
from repast.errors import RepastError

LEVELS = ("debug", "info", "warning", "error")


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    unlisted=KIND_GROUPS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Try 'repast demo', or 'repast COMMAND --help' for examples of a command.",
)
@click.option(
    "-c",
    "--chdir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Run as if started in this folder.",
)
@click.option(
    "-f",
    "--feature-store-yaml",
    "yaml_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration other than ./feature_store.yaml.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="warning",
    metavar="LEVEL",
    help="debug, info, warning or error; debug adds tracebacks.",
)
@click.version_option(__version__, "--version", message="%(version)s")
@click.pass_context
def cli(ctx: click.Context, chdir: Path | None, yaml_file: Path | None, log_level: str) -> None:
    """Repast, a feature store: define features once, get correct training data and fast online values."""
    if chdir is not None:
        ctx.with_resource(contextlib.chdir(chdir))
    ctx.obj = Session(yaml_file=yaml_file)
    if log_level != "warning":
        import logging

        logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s")


def main(args: Sequence[str] | None = None) -> None:
    """Run ``repast`` and exit with its code."""
    sys.exit(run(list(sys.argv[1:] if args is None else args)))


def run(args: list[str], group: click.Group = cli, name: str = "repast") -> int:
    """Run one command line and return its exit code; no exception leaves this function."""
    try:
        invoke(args, group, name)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _tell_usage(error)
    except RepastError as error:
        return _tell(error, debug=_is_debug(args))
    except (KeyboardInterrupt, click.Abort):
        click.echo(paint("interrupted", "yellow", stream=sys.stderr), err=True)
        return exit_code.INTERRUPTED
    except BrokenPipeError:
        # Python would complain about the same pipe once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a sentence, the traceback goes to a file
        return _tell_bug(error, debug=_is_debug(args))
    return exit_code.OK


def invoke(args: list[str], group: click.Group = cli, name: str = "repast") -> None:
    """Run one command line and let exceptions out. (``cli.main`` would swallow Ctrl-C and broken pipes.)"""
    with group.make_context(name, list(args)) as context:
        group.invoke(context)


def _is_debug(args: list[str]) -> bool:
    return any(
        arg.lower() == "--log-level=debug" or (arg == "--log-level" and after.lower() == "debug")
        for arg, after in zip(args, [*args[1:], ""], strict=True)
    )


def _say(message: str, hint: str = "") -> None:
    click.echo(f"{paint('error:', 'bold', 'red', stream=sys.stderr)} {message}", err=True)
    if hint:
        click.echo(f"{paint('hint:', 'bold', 'cyan', stream=sys.stderr)} {hint}", err=True)


def _tell_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # a group alone: its help is the answer
        click.echo(error.message, err=True)
    else:
        _say(*explain(error))
    return exit_code.USAGE


def _tell(error: RepastError, *, debug: bool) -> int:
    if debug:
        _print_traceback(error)
    _say(error.message, error.hint)
    return exit_code.BY_ERROR.get(error.code, exit_code.BUG)


def _tell_bug(error: Exception, *, debug: bool) -> int:
    if debug:
        _print_traceback(error)
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="repast-error-", suffix=".txt", delete=False) as file:
        file.write(f"repast {__version__}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    _say(
        f"This should not have happened: {type(error).__name__}: {error}",
        f"it is a bug in Repast; please report it with the file {file.name}",
    )
    return exit_code.BUG


def _print_traceback(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)


if __name__ == "__main__":
    main()
