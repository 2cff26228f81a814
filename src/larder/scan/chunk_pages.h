// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/result.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_reader.h>
#include <parquet/schema.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "larder/base/run_context.h"
#include "larder/scan/chunk_stream.h"
#include "larder/source/dataset.h"

namespace larder {

/// The pages of one column chunk without nesting.
struct ChunkPages {
  const parquet::ColumnDescriptor* leaf;
  int64_t rows;  ///< Of the row group.
  std::shared_ptr<ChunkStream> stream;
  std::unique_ptr<parquet::PageReader> reader;
  /// Of the page before those of `reader`, which not every one of them needs; null if there is
  /// none.
  std::unique_ptr<parquet::PageReader> dictionary;

  /// None if only Arrow's reader can read the pages: nested, encrypted, or written by a program
  /// whose faults that reader knows. IOError, without the file's path, if the chunk lies outside
  /// of the file.
  static arrow::Result<std::optional<ChunkPages>> Open(
      const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
      const RowGroup& group, const parquet::arrow::SchemaField& field, const RunContext& context);
};

}  // namespace larder
