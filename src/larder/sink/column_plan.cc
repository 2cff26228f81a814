// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/column_plan.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <utility>

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Adds "; <what> <names>" to `text` if there are names.
void Complain(const std::string& what, const std::vector<std::string>& names, std::string* text) {
  if (names.empty()) return;
  *text += text->empty() ? "" : "; ";
  *text += what + (names.size() == 1 ? " column " : " columns ");
  for (size_t i = 0; i < names.size(); ++i) *text += (i == 0 ? "'" : ", '") + names[i] + "'";
}

Status CheckNames(const arrow::Schema& rows, const arrow::Schema& target,
                  const std::vector<std::string>& partition_by, const std::string& place) {
  std::vector<std::string> missing;
  std::vector<std::string> unknown;
  std::vector<std::string> twice;
  for (const auto& field : rows.fields()) {
    const auto& name = field->name();
    if (rows.GetAllFieldIndices(name).size() > 1) {
      if (!Contains(twice, name)) twice.push_back(name);
    } else if (target.GetAllFieldIndices(name).empty() && !Contains(partition_by, name)) {
      unknown.push_back(name);
    }
  }
  const auto want = [&](const std::string& name) {
    if (rows.GetAllFieldIndices(name).empty() && !Contains(missing, name)) missing.push_back(name);
  };
  for (const auto& field : target.fields()) want(field->name());
  for (const auto& name : partition_by) want(name);
  std::string text;
  Complain("missing", missing, &text);
  Complain("unknown", unknown, &text);
  Complain("repeated", twice, &text);
  if (text.empty()) return Status::OK();
  return Status::Invalid("the rows do not fit ", place, ": ", text);
}

/// The metadata of a schema without what pandas noted about its rows, which holds no longer.
std::shared_ptr<const arrow::KeyValueMetadata> WithoutPandas(const arrow::Schema& schema) {
  if (schema.metadata() == nullptr || !schema.metadata()->Contains("pandas")) {
    return schema.metadata();
  }
  auto metadata = schema.metadata()->Copy();
  // Contains() was true, so this cannot fail.
  ARROW_UNUSED(metadata->Delete("pandas"));
  return metadata;
}

}  // namespace

Result<ColumnPlan> ColumnPlan::Make(const std::shared_ptr<arrow::Schema>& rows,
                                    const std::shared_ptr<arrow::Schema>& given_target,
                                    const std::vector<std::string>& partition_by,
                                    const std::string& place, const CastSettings& settings) {
  const auto& target = given_target == nullptr ? rows : given_target;
  ARROW_RETURN_NOT_OK(CheckNames(*rows, *target, partition_by, place));
  ColumnPlan plan;
  plan.settings_ = settings;
  const auto make_source = [&](const std::string& name,
                               const std::shared_ptr<arrow::Field>& wanted) -> Result<Source> {
    const int index = rows->GetFieldIndex(name);
    const auto& type = rows->field(index)->type();
    const auto field = wanted->WithType(FillNullTypes(wanted->type(), type))->RemoveMetadata();
    // An empty array tells before anything is written whether the types go together at all.
    ARROW_ASSIGN_OR_RAISE(const auto empty, arrow::MakeEmptyArray(type, settings.pool));
    ARROW_RETURN_NOT_OK(CastColumn(empty, field->type(), name, settings).status());
    return Source{index, field};
  };
  for (const auto& name : partition_by) {
    auto wanted = target->GetFieldByName(name);
    if (wanted == nullptr) wanted = rows->GetFieldByName(name);
    ARROW_ASSIGN_OR_RAISE(auto source, make_source(name, wanted->WithNullable(true)));
    plan.partition_sources_.push_back(std::move(source));
  }
  arrow::FieldVector fields;
  for (const auto& field : target->fields()) {
    if (Contains(partition_by, field->name())) continue;
    ARROW_ASSIGN_OR_RAISE(auto source, make_source(field->name(), field));
    fields.push_back(source.field);
    plan.file_sources_.push_back(std::move(source));
  }
  if (fields.empty()) {
    return Status::Invalid("the rows do not fit ", place, ": no column is left for the files");
  }
  plan.file_schema_ = arrow::schema(std::move(fields), WithoutPandas(*target));
  return plan;
}

Result<ColumnPlan::Columns> ColumnPlan::Apply(const arrow::RecordBatch& batch) const {
  Columns columns;
  arrow::ArrayVector file;
  for (const auto& [index, field] : file_sources_) {
    ARROW_ASSIGN_OR_RAISE(auto array,
                          CastColumn(batch.column(index), field->type(), field->name(), settings_));
    if (!field->nullable() && array->null_count() > 0) {
      return Status::Invalid("column '", field->name(), "' holds nulls and must not");
    }
    file.push_back(std::move(array));
  }
  for (const auto& [index, field] : partition_sources_) {
    ARROW_ASSIGN_OR_RAISE(auto array,
                          CastColumn(batch.column(index), field->type(), field->name(), settings_));
    columns.partition.push_back(std::move(array));
  }
  columns.file = arrow::RecordBatch::Make(file_schema_, batch.num_rows(), std::move(file));
  return columns;
}

}  // namespace larder
