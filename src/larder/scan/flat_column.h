// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>
#include <parquet/arrow/schema.h>

#include <cstdint>
#include <memory>

#include "larder/base/run_context.h"
#include "larder/source/dataset.h"

namespace larder {

/// One column chunk of numbers, times or strings, read page by page. Keys, times and most features
/// are such columns, and this is what makes them cheap: a page without a wanted row is not
/// decompressed, a page without nulls has no levels to decode, and memory is used again.
///
/// Errors are those of the file, without its path; Parquet's exceptions pass through.
class FlatColumn {
 public:
  virtual ~FlatColumn() = default;

  /// Null if Arrow's reader has to serve the column: nested, stored in another form than Arrow's,
  /// encrypted, or written by a program whose faults that reader knows. With `keep_dictionary`,
  /// strings of pages with a dictionary come as dictionary arrays.
  static arrow::Result<std::unique_ptr<FlatColumn>> Open(
      const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
      const RowGroup& group, const parquet::arrow::SchemaField& field, bool keep_dictionary,
      const RunContext& context);

  /// The next `rows` rows, at least one, of the row group's that are left; fewer, but at least one,
  /// where a dictionary begins or ends, or strings would not fit into one array. The array's memory
  /// is used for a later batch once nobody else holds it.
  virtual arrow::Result<std::shared_ptr<arrow::Array>> Read(int64_t rows) = 0;
  /// Leaves out the next `rows` rows.
  virtual void Skip(int64_t rows) = 0;
};

}  // namespace larder
