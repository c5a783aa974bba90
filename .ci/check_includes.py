"""Each folder of the engine may include only what stands before it: prints every include that breaks the order."""

import re
import sys
from pathlib import Path

ALLOWED = {
    "base": {"base"},
    "cfg": {"base", "cfg"},
    "op": {"base", "op"},
    "detect": {"base", "detect"},
    "image": {"base", "image"},
    "layers": {"base", "cfg", "op", "detect", "layers"},
    "plan": {"base", "cfg", "op", "layers", "plan"},
    "backend": {"base", "op", "backend"},
    "network": {"base", "plan", "backend", "detect", "network"},
}

source = Path(__file__).parent.parent / "vendor/darknet/src"
bad = []
for file in sorted(source.rglob("*.[ch]")):
    folder = file.relative_to(source).parts[0]
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r'\s*#include "(\w+)/', line)
        if match and match[1] != "darknet" and match[1] not in ALLOWED[folder]:
            bad.append(f"{file.relative_to(source)}:{number}: {folder}/ must not include {match[1]}/")
print("\n".join(bad) or "include directions: fine")
sys.exit(bool(bad))
