"""The program `charlstm`, also run as `python -m charlstm`."""

import sys


def run() -> int:
    """Run the command line and return its exit code; Ctrl-C ends it quietly even while modules are imported."""
    try:
        from charlstm.cli.app import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
