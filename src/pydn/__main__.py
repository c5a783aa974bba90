"""``python -m pydn``."""

import sys

from .cli import main

sys.exit(main())
