"""`python -m votremachine` is the `votremachine` command."""

import sys

from votremachine.cli import main

sys.exit(main())
