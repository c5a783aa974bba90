"""The built engine exports dn_* alone, keeps no mutable data, and never reaches for exit, abort or a stream.

usage: check_symbols.py LIBRARY OBJECT_ARCHIVE
"""

import re
import subprocess
import sys

FORBIDDEN = {
    "exit", "_exit", "abort", "__assert_fail", "printf", "fprintf", "puts", "putchar", "perror", "fopen", "open",
    "getenv", "setlocale", "signal", "system", "strtod", "strtof", "atof", "atoi", "rand", "srand", "stdout", "stderr",
    "__printf_chk", "__fprintf_chk",
}  # fmt: skip

library, archive = sys.argv[1:]


def nm(*arguments: str) -> list[list[str]]:
    text = subprocess.run(["nm", *arguments], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in text.splitlines() if re.search(r"\s[A-Za-z]\s\S+$", line)]


bad = [f"exported: {row[-1]}" for row in nm("-D", "--defined-only", library) if not row[-1].startswith("dn_")]
for row in nm(archive):
    kind, name = row[-2], row[-1].split("@")[0]
    if kind == "U" and name in FORBIDDEN:
        bad.append(f"used: {name}")
    if kind in "bBdDcC" and not name.startswith(("__", ".LC")):
        bad.append(f"mutable data: {name}")
print("\n".join(sorted(set(bad))) or "symbols: fine")
sys.exit(bool(bad))
