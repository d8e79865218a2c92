"""Run commands of the real Feast one after the other in this process; print what each printed, as JSON."""

import contextlib
import io
import json
import os
import sys

from click.testing import CliRunner

from feast.cli.cli import cli


def main() -> None:
    os.chdir(sys.argv[1])
    said = []
    for line in json.loads(sys.argv[2]):
        with contextlib.redirect_stderr(io.StringIO()):
            result = CliRunner().invoke(cli, line)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        said.append(result.stdout)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
