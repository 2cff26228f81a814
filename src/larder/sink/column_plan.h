// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/base/cast.h"

namespace larder {

/// How the columns of incoming batches become the columns of the files. Made once for a write,
/// before anything is written.
class ColumnPlan {
 public:
  /// `rows` is the schema of the batches; `target`, with or without the partition columns, what
  /// the place holds already (null: whatever comes). Errors name every column that is missing,
  /// unknown, there twice or of a type that cannot become the target's; `place` says of what.
  static arrow::Result<ColumnPlan> Make(const std::shared_ptr<arrow::Schema>& rows,
                                        const std::shared_ptr<arrow::Schema>& target,
                                        const std::vector<std::string>& partition_by,
                                        const std::string& place, const CastSettings& settings);

  /// The columns of the files, in order.
  const std::shared_ptr<arrow::Schema>& file_schema() const { return file_schema_; }

  struct Columns {
    std::shared_ptr<arrow::RecordBatch> file;              ///< Of file_schema().
    std::vector<std::shared_ptr<arrow::Array>> partition;  ///< One per partition column.
  };
  /// A null in a column that must not have any is Invalid.
  arrow::Result<Columns> Apply(const arrow::RecordBatch& batch) const;

 private:
  struct Source {
    int index;
    std::shared_ptr<arrow::Field> field;
  };

  std::shared_ptr<arrow::Schema> file_schema_;
  std::vector<Source> file_sources_;
  std::vector<Source> partition_sources_;
  CastSettings settings_;
};

}  // namespace larder
