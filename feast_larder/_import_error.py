# SPDX-License-Identifier: Apache-2.0
"""Turns the dynamic loader's words about the extension into one readable message."""

import re

_ARROW_LIBRARY = re.compile(r"lib(?:arrow|parquet)\w*\.so\.(\d+)")


def explain_import_error(loader_message: str, pyarrow_version: str) -> str:
    """Say what is wrong with the extension and what to do about it.

    Args:
        loader_message: the text of the ImportError that loading the extension raised.
        pyarrow_version: the version of the pyarrow that is installed.
    """
    library = _ARROW_LIBRARY.search(loader_message)
    if library is not None:
        # Arrow numbers its libraries major * 100 + minor.
        major, minor = divmod(int(library.group(1)), 100)
        return (
            f"feast_larder was built for pyarrow {major}.{minor}, found {pyarrow_version}: "
            f"install pyarrow=={major}.{minor}.* or a feast-larder built for yours "
            f"({loader_message})"
        )
    if "undefined symbol" in loader_message:
        return (
            f"feast_larder found a libarrow that is not the one of pyarrow {pyarrow_version}: "
            f"another copy was loaded first, look for it in LD_LIBRARY_PATH ({loader_message})"
        )
    return (
        "feast_larder cannot load its extension feast_larder._engine: "
        f"build it with `make build` or `pip install .` ({loader_message})"
    )
