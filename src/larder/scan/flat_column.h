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

  /// Up to `rows` of the next rows of the row group: at least one, and no more than the page of the
  /// next one has. The array's memory is used for a later batch once nobody else holds it.
  virtual arrow::Result<std::shared_ptr<arrow::Array>> Read(int64_t rows) = 0;
  /// Makes `row` of the row group the next one.
  virtual void Seek(int64_t row) = 0;
  /// The first row of the page that has `row`: who reads backwards begins there, and then at the
  /// first row of the page before. To be asked before anything is read, and then at any time.
  virtual arrow::Result<int64_t> FirstRowOfPage(int64_t row) = 0;
};

}  // namespace larder
