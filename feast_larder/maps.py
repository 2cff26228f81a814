# SPDX-License-Identifier: Apache-2.0
"""Python dictionaries, which Arrow makes structs of, as the maps that a source has."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def with_maps(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Turn the structs of a table into maps, also within lists, where a schema has maps.

    The names of the fields become the keys. A field that is null is a key that the map has not,
    since that is how Arrow reads a dictionary without the key.
    """
    for index, field in enumerate(table.schema):
        if field.name not in schema.names:
            continue
        wanted = schema.field(field.name).type
        if _has_struct_for_map(field.type, wanted):
            column = _convert(table.column(index).combine_chunks(), wanted)
            table = table.set_column(index, field.name, column)
    return table


def _has_struct_for_map(given: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_list(given) and pa.types.is_list(wanted):
        return _has_struct_for_map(given.value_type, wanted.value_type)
    return bool(pa.types.is_struct(given) and pa.types.is_map(wanted))


def _convert(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_map(wanted):
        return _map(array, wanted)
    # flatten() leaves out what lies outside of the slice or under a null.
    lengths = pc.fill_null(array.value_lengths(), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    values = _convert(array.flatten(), wanted.value_type)
    return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())


def _map(structs: pa.Array, wanted: pa.MapType) -> pa.Array:
    names = [field.name for field in structs.type]
    rows = len(structs)
    if not names or not rows:
        return pa.nulls(rows, wanted) if not names else pa.array([], wanted)
    fields = [field.cast(wanted.item_type) for field in structs.flatten()]
    by_row = np.arange(rows * len(names)).reshape(len(names), rows).T.ravel()
    items = pa.concat_arrays(fields).take(pa.array(by_row))
    keys = pa.array(names, wanted.key_type).take(pa.array(np.tile(np.arange(len(names)), rows)))
    given = np.asarray(items.is_valid())
    ends = np.cumsum(given.reshape(rows, len(names)).sum(axis=1))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    mask = pa.array(given)
    return pa.MapArray.from_arrays(
        offsets, keys.filter(mask), items.filter(mask), mask=structs.is_null()
    ).cast(wanted)
