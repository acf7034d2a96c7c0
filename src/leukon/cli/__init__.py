"""The command line: one file per command; heavy imports stay inside the commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``leukon``: a `LeukonError` becomes one line and exit code 2, Ctrl-C exit code 130."""
    from leukon.cli.app import app
    from leukon.cli.console import say
    from leukon.errors import LeukonError

    try:
        app()
    except LeukonError as error:
        say(f"leukon: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("leukon: stopped; run the same command again to go on")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
