# SPDX-License-Identifier: Apache-2.0
"""The environment Feast's tests run in: .venv-feast in the repository, kept from run to run."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ENVIRONMENT = REPOSITORY / ".venv-feast"
PYTHON = ENVIRONMENT / "bin" / "python"
# Apart from the build of `make build`, which belongs to another Python environment.
BUILD = REPOSITORY / "build" / "feast-suite"
REQUIREMENTS = (HERE / "requirements.txt", HERE / "constraints.txt")


def prepare_environment() -> None:
    """Makes .venv-feast, or brings it up to date where the requirements have changed."""
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in REQUIREMENTS)).hexdigest()
    mark = ENVIRONMENT / ".requirements"
    if mark.exists() and mark.read_text() == wanted:
        return
    print(f"Installing Feast and its test tools into {ENVIRONMENT.name}", flush=True)
    if sys.version_info[:2] != (3, 11):
        raise SystemExit("constraints.txt holds versions for Python 3.11: run with that Python")
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip("install", "-r", str(REQUIREMENTS[0]))
    mark.write_text(wanted)


def install_larder() -> None:
    """Builds Larder from the repository (anew only what changed) and installs it."""
    print("Building and installing Larder", flush=True)
    pip(
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--force-reinstall",
        f"--config-settings=build-dir={BUILD}",
        str(REPOSITORY),
    )


def pip(*arguments: str) -> None:
    environment = {
        **os.environ,
        "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
        "CMAKE_GENERATOR": "Ninja",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    subprocess.run([PYTHON, "-m", "pip", "-q", *arguments], env=environment, check=True)
