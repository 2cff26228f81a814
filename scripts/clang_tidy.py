# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy on every source of the compile database, several at a time.

Arrow's headers make a run slow, so a clean result is remembered by a hash of all it depends
on (command, checks, the source and Larder's headers it includes) and not computed again.
"""

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# GCC compiled with these; clang does not know all of GCC's warnings.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option"]


def is_ours(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / folder) for folder in ("src", "tests", "bench"))


def fingerprint(entry: dict[str, str]) -> str:
    """Hash of everything of ours that the result for this compile command depends on."""
    command = shlex.split(entry["command"])
    command = command[: command.index("-o")] + command[command.index("-o") + 2 :]
    command.remove("-c")
    listed = subprocess.run(
        [*command, "-MM", "-MT", "x"], cwd=entry["directory"], capture_output=True, check=True
    )
    files = {Path(name) for name in listed.stdout.decode().replace("\\\n", " ").split()[1:]}
    digest = hashlib.sha256(" ".join(command).encode())
    for path in sorted({ROOT / ".clang-tidy", Path(__file__), *files}):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(entry: dict[str, str], database: Path) -> bool:
    """True if the source has no finding; prints the findings otherwise."""
    mark = database / "clang-tidy" / fingerprint(entry)
    if mark.exists():
        return True
    tidy = ["clang-tidy", "--quiet", "-p", str(database), *EXTRA, entry["file"]]
    result = subprocess.run(tidy, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stdout or result.stderr, flush=True)  # stderr only counts warnings
        return False
    mark.touch()
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-p", dest="database", type=Path, required=True, help="build folder")
    parser.add_argument("-j", dest="jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()

    database = arguments.database.resolve()
    entries = json.loads((database / "compile_commands.json").read_text())
    ours = [entry for entry in entries if is_ours(Path(entry["file"]))]
    (database / "clang-tidy").mkdir(exist_ok=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        clean = list(pool.map(lambda entry: check(entry, database), ours))
    print(f"clang-tidy: {len(clean)} files, {clean.count(False)} with findings")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
