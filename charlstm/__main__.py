"""The program: `charlstm`, or `python -m charlstm`."""

import sys


def run() -> int:
    """Run the command line; a Ctrl-C is quiet from the first moment on, while the commands are still being imported."""
    try:
        from charlstm.cli.app import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
