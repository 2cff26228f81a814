# SPDX-License-Identifier: Apache-2.0
"""Checks what no other linter does: include direction, licence lines, file length."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "src" / "larder"
SUFFIXES = {".cc", ".h", ".py", ".pyi", ".sh", ".cmake"}
FOLDERS = ["src", "tests", "feast_larder", "bench", "demo", "scripts", "cmake"]
LICENCE = "SPDX-License-Identifier: Apache-2.0"
MAX_LINES = 500


def room_dependencies() -> dict[str, set[str]]:
    """Each room with all the rooms it may include: the closure of its CMake DEPS."""
    direct: dict[str, set[str]] = {}
    for cmake in ROOMS.glob("*/CMakeLists.txt"):
        found = re.search(r"larder_room\((\w+)([^)]*)\)", cmake.read_text())
        if found:
            direct[found[1]] = set(re.findall(r"larder_(\w+)", found[2]))

    def closure(room: str) -> set[str]:
        return {room}.union(*(closure(dependency) for dependency in direct[room]))

    return {room: closure(room) for room in direct}


def include_errors() -> Iterator[str]:
    for room, allowed in room_dependencies().items():
        for path in sorted((ROOMS / room).rglob("*.[ch]*")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = re.match(r'#include "(?:larder/(\w+)/)?', line)
                if found and found[1] not in allowed:
                    where = f"{path.relative_to(ROOT)}:{number}"
                    yield f"{where}: room {room} may include only {sorted(allowed)}: {line}"


def file_errors() -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in SUFFIXES or not path.stat().st_size:
                continue
            lines = path.read_text().splitlines()
            if not any(LICENCE in line for line in lines[:2]):
                yield f"{path.relative_to(ROOT)}:1: the first line must be '{LICENCE}'"
            if len(lines) > MAX_LINES and path.suffix != ".pyi":
                yield f"{path.relative_to(ROOT)}: {len(lines)} lines, at most {MAX_LINES}"


def main() -> int:
    errors = [*include_errors(), *file_errors()]
    print("\n".join(errors) if errors else "check_source: ok")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
