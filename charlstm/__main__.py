"""`python -m charlstm`."""

import sys

from charlstm.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
