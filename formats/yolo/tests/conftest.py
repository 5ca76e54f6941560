"""What the tests of this package share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # trainer.py and wild.py, which several modules use
