"""`python -m rnnlm_tui` is the command `rnnlm-tui`."""

import sys

from rnnlm_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
