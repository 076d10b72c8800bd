"""The program `charlstm`, also run as `python -m charlstm`."""

import os
import sys
import warnings


def run() -> int:
    """Run the command line and return its exit code; Ctrl-C ends it quietly even while modules are imported.

    Warnings of libraries are for developers, and a mistake of ours is one line: CHARLSTM_DEBUG=1 shows both in full.
    """
    is_debugging = os.environ.get("CHARLSTM_DEBUG") == "1"
    if not is_debugging:
        warnings.simplefilter("ignore")
    try:
        from charlstm.cli.app import main

        return main()
    except KeyboardInterrupt:
        return 130
    except Exception as bug:  # here the process ends, so nothing is hidden by catching everything
        if is_debugging:
            raise
        message = f"{type(bug).__name__}: {bug}".encode("unicode_escape").decode()
        hint = "this is a mistake in charlstm; CHARLSTM_DEBUG=1 shows where, please report it"
        sys.stderr.write(f"error: unexpected {message}\nhint: {hint}\n")
        return 1


if __name__ == "__main__":
    sys.exit(run())
