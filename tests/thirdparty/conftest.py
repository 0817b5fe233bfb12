"""The stranger's package, importable from its source for the tests that look inside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "loa-board"))
