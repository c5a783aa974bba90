"""The built engine exports dn_* alone, keeps no mutable data but one, and never reaches for exit, abort or a stream.

usage: check_symbols.py LIBRARY OBJECT_ARCHIVE
       check_symbols.py --library LIBRARY PREFIX…   it exports what begins so, and that alone
"""

import re
import subprocess
import sys

FORBIDDEN = {
    "exit", "_exit", "abort", "__assert_fail", "printf", "fprintf", "puts", "putchar", "perror", "fopen", "open",
    "getenv", "setlocale", "signal", "system", "strtod", "strtof", "atof", "atoi", "rand", "srand", "stdout", "stderr",
    "__printf_chk", "__fprintf_chk",
}  # fmt: skip
MUTABLE = {"loaded_backend"}  # libraries are opened for the whole process


def nm(*arguments: str) -> list[list[str]]:
    text = subprocess.run(["nm", *arguments], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in text.splitlines() if re.search(r"\s[A-Za-z]\s\S+$", line)]


if sys.argv[1] == "--library":
    library, *prefixes = sys.argv[2:]
    exported = [row[-1] for row in nm("-D", "--defined-only", library)]
    others = [name for name in exported if not name.startswith(tuple(prefixes))]
    missing = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in exported)]
    print(
        "\n".join([*(f"exported: {name}" for name in others), *(f"not exported: {p}" for p in missing)])
        or "symbols: fine"
    )
    sys.exit(bool(others or missing))

library, archive = sys.argv[1:]
bad = [f"exported: {row[-1]}" for row in nm("-D", "--defined-only", library) if not row[-1].startswith("dn_")]
bad += [f"used: {row[-1]}" for row in nm(archive) if row[-2] == "U" and row[-1].split("@")[0] in FORBIDDEN]
# Constants that hold addresses are written once by the loader: .data.rel.ro is not mutable.
table = subprocess.run(["nm", "--format=sysv", archive], check=True, capture_output=True, text=True).stdout
for line in table.splitlines():
    fields = [field.strip() for field in line.split("|")]
    if len(fields) == 7 and re.fullmatch(r"\.(data|bss|tdata|tbss|COMMON)(?!\.rel\.ro).*", fields[6]):
        if fields[0] in MUTABLE:
            continue
        bad.append(f"mutable data: {fields[0]}")
print("\n".join(sorted(set(bad))) or "symbols: fine")
sys.exit(bool(bad))
