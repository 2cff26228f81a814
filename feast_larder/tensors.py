# SPDX-License-Identifier: Apache-2.0
"""Columns as PyTorch tensors, where Feast goes through lists of Python objects."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from feast.torch_wrapper import get_torch


def to_tensors(table: pa.Table, default_value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Convert each column to a tensor of its length, or a list if it holds no numbers.

    Args:
        table: the rows.
        default_value: stands for nulls and NaN; a column of integers or booleans that needs it
            becomes one of doubles if it is no integer.

    Raises:
        ImportError: PyTorch is not installed.
    """
    torch = get_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tensors: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name]
        if _is_number(column.type):
            values = _filled(column, default_value).to_numpy()
            tensors[name] = torch.tensor(values, device=device)
        else:
            values = column.to_pylist()
            tensors[name] = [default_value if value is None else value for value in values]
    return tensors


def _filled(column: pa.ChunkedArray, default_value: Any) -> pa.ChunkedArray:  # noqa: ANN401
    missing = pc.is_null(column, nan_is_null=True)
    if not pc.any(missing).as_py():
        return column
    if not pa.types.is_floating(column.type) and isinstance(default_value, float):
        column = column.cast(pa.float64(), safe=False)
    return pc.if_else(missing, pa.scalar(default_value).cast(column.type), column)


def _is_number(data_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(data_type)
        or pa.types.is_floating(data_type)
        or pa.types.is_boolean(data_type)
    )
