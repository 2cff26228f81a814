# SPDX-License-Identifier: Apache-2.0
"""Runs the offline store tests of a feast-dev/feast checkout over the installed Feast and Larder.

    python tests/feast/run.py --feast CHECKOUT [--source file|larder] [--store larder|dask|duckdb]

The tests are copied out of the checkout first: inside it, `import feast` would find the checkout's
own package. Which tests run, and why the others do not, is the table in larder_selection.py. The
exit status is 0 if every selected test passed, but for those Feast's core refuses to a source that
is not its own; 1 otherwise.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from larder_selection import SEARCHED, Verdict
from suite_environment import HERE, PYTHON, install_larder, prepare_environment
from suite_report import Outcome, describe, is_clean, read_outcomes

REPO_MODULES = {
    "larder": {"file": "larder_file_repo", "larder": "larder_source_repo"},
    "dask": {"file": "stock_dask_repo"},
    "duckdb": {"file": "stock_duckdb_repo"},
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feast", type=Path, required=True, help="a checkout of feast-dev/feast")
    parser.add_argument("--source", choices=("file", "larder"), help="default: every one in turn")
    parser.add_argument("--store", choices=tuple(REPO_MODULES), default="larder")
    parser.add_argument("--jobs", type=int, default=2, help="tests run at once (default 2)")
    parser.add_argument("-k", dest="expression", help="only tests that match, as in pytest")
    parser.add_argument("--no-build", action="store_true", help="test the Larder installed before")
    parser.add_argument("--log", type=Path, help="keep pytest's output in this file")
    arguments = parser.parse_args()
    if not (arguments.feast / "sdk/python/pytest.ini").is_file():
        parser.error(
            f"{arguments.feast} is no checkout of feast-dev/feast: no sdk/python/pytest.ini"
        )
    if arguments.source and arguments.source not in REPO_MODULES[arguments.store]:
        parser.error(f"the {arguments.store} store reads no {arguments.source} source")
    return arguments


def copy_suite(checkout: Path, directory: Path) -> None:
    for name in ("tests", "pytest.ini"):
        original = checkout / "sdk/python" / name
        if original.is_dir():
            shutil.copytree(original, directory / name, symlinks=True)
        else:
            shutil.copy(original, directory / name)


def run_pytest(
    suite: Path, repo_module: str, verdict: Verdict, arguments: argparse.Namespace
) -> list[Outcome]:
    """Runs the tests of one verdict in a process of its own; the outcomes of all that began."""
    temporary = suite / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "FULL_REPO_CONFIGS_MODULE": repo_module,
        "PYTEST_PLUGINS": "larder_suite_plugin",
        "PYTHONPATH": str(HERE),
        "FEAST_IS_LOCAL_TEST": "True",
        "IS_TEST": "True",
        "FEAST_USAGE": "False",
        "TMPDIR": str(temporary),
        # The tests start `feast` by name as well.
        "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
    }
    junit = suite / f"{verdict.name}.xml"
    command = [PYTHON, "-m", "pytest", "-q", "-n", str(arguments.jobs), f"--junit-xml={junit}"]
    if verdict is Verdict.RUN:
        command.append("--integration")
    if arguments.expression:
        command += ["-k", arguments.expression]
    command += [f"tests/{path}" for path in SEARCHED[verdict]]
    log = arguments.log.open("a") if arguments.log else None
    try:
        subprocess.run(command, cwd=suite, env=environment, stdout=log, stderr=log, check=False)
    finally:
        if log:
            log.close()
    return read_outcomes(junit) if junit.exists() else []


def run_suite(repo_module: str, arguments: argparse.Namespace) -> bool:
    print(f"Running Feast's tests over {repo_module}", flush=True)
    with tempfile.TemporaryDirectory(prefix="larder_feast_suite_") as name:
        suite = Path(name)
        copy_suite(arguments.feast, suite)
        over_store = run_pytest(suite, repo_module, Verdict.RUN, arguments)
        as_it_is = run_pytest(suite, repo_module, Verdict.UNIT, arguments)
    print(describe(f"{repo_module}, over the store", over_store))
    print(describe(f"{repo_module}, Feast's unit tests of offline stores", as_it_is), flush=True)
    # Feast's unit tests skip the stores whose drivers are not installed.
    unit_clean = is_clean(as_it_is, may_skip=True) or (arguments.expression and not as_it_is)
    return is_clean(over_store) and bool(unit_clean)


def main() -> int:
    arguments = parse_arguments()
    prepare_environment()
    if arguments.store == "larder" and not arguments.no_build:
        install_larder()
    modules = REPO_MODULES[arguments.store]
    chosen = [arguments.source] if arguments.source else list(modules)
    results = [run_suite(modules[source], arguments) for source in chosen]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
