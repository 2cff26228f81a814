// SPDX-License-Identifier: Apache-2.0
#include "larder/query/validate.h"

#include <arrow/type.h>

#include <filesystem>
#include <set>
#include <system_error>

#include "larder/base/event_time.h"
#include "larder/kernel/join_key.h"

namespace larder {

using arrow::Status;

Status CheckOptions(const RunOptions& options) {
  if (options.threads < 0) return Status::Invalid("threads must be 0 (all cores) or more");
  if (options.memory_limit < 0) return Status::Invalid("memory_limit must be 0 (none) or more");
  if (options.rows_in_memory < 0) {
    return Status::Invalid("rows_in_memory must be 0 (what memory has room for) or more");
  }
  std::error_code error;
  if (!options.spill_directory.empty() &&
      !std::filesystem::is_directory(options.spill_directory, error)) {
    return Status::Invalid("spill_directory '", options.spill_directory, "' is not a directory");
  }
  if (options.batch_rows < 1) return Status::Invalid("batch_rows must be 1 or more");
  if (options.key_hash_bits < 0 || options.key_hash_bits > 64) {
    return Status::Invalid("key_hash_bits must be 0 to 64");
  }
  return Status::OK();
}

namespace {

/// Index of a column of the entity rows.
arrow::Result<int> FindEntityColumn(const arrow::Schema& entity_rows, const std::string& column,
                                    const std::string& purpose) {
  const auto indices = entity_rows.GetAllFieldIndices(column);
  if (indices.size() == 1) return indices[0];
  if (indices.size() > 1) {
    return Status::Invalid("entity rows: several columns are named '", column, "' (", purpose, ")");
  }
  std::string known;
  for (const auto& name : entity_rows.field_names()) known += (known.empty() ? "" : ", ") + name;
  return Status::Invalid("entity rows: no column '", column, "' (", purpose,
                         "); there are: ", known);
}

Status NotATime(const std::string& where, const std::string& column, const std::string& purpose,
                const arrow::DataType& type) {
  return Status::TypeError(where, ": column '", column, "' (", purpose, ") is ", type.ToString(),
                           "; it must be a timestamp, a date or an ISO-8601 string");
}

}  // namespace

Status CheckPointInTime(const PointInTimeRequest& request, const arrow::Schema& entity_rows) {
  ARROW_ASSIGN_OR_RAISE(const int event,
                        FindEntityColumn(entity_rows, request.event_timestamp, "event timestamp"));
  const auto& type = *entity_rows.field(event)->type();
  if (!IsTimeType(type)) {
    return NotATime("entity rows", request.event_timestamp, "event timestamp", type);
  }
  std::set<std::string> names;
  for (const auto& name : entity_rows.field_names()) names.insert(name);
  for (const auto& view : request.views) {
    for (const auto& feature : view.features) {
      if (!names.insert(feature.name).second) {
        return Status::Invalid("feature view '", view.name, "': the answer would have two columns ",
                               "named '", feature.name, "'; rename one");
      }
    }
  }
  return Status::OK();
}

Status CheckView(const FeatureViewSpec& view, const Dataset& dataset,
                 const arrow::Schema& entity_rows) {
  if (view.ttl_us && *view.ttl_us < 0) {
    return Status::Invalid("feature view '", view.name, "': the TTL is negative");
  }
  for (const auto& key : view.join_keys) {
    ARROW_ASSIGN_OR_RAISE(const int index,
                          FindEntityColumn(entity_rows, key.entity_column, "join key"));
    ARROW_RETURN_NOT_OK(dataset.CheckInEveryFile(key.column, "join key"));
    ARROW_ASSIGN_OR_RAISE(const auto field, dataset.GetField(key.column, "join key"));
    const auto& entity_type = *entity_rows.field(index)->type();
    const std::string entity_place = "entity rows: column '" + key.entity_column + "'";
    const std::string source_place = dataset.name() + ": column '" + key.column + "'";
    ARROW_ASSIGN_OR_RAISE(const auto one, KeyDomainOf(entity_type, entity_place));
    ARROW_ASSIGN_OR_RAISE(const auto two, KeyDomainOf(*field->type(), source_place));
    if (one.key_class != two.key_class && one.key_class != KeyClass::kNothing &&
        two.key_class != KeyClass::kNothing) {
      return Status::TypeError("feature view '", view.name, "': join key ", entity_place, " is ",
                               entity_type.ToString(), " but ", source_place, " is ",
                               field->type()->ToString(), ": these cannot be compared");
    }
  }
  ARROW_RETURN_NOT_OK(CheckTimeColumn(dataset, view.event_timestamp, "event timestamp"));
  ARROW_RETURN_NOT_OK(CheckCreatedColumn(dataset, view.created_timestamp));
  for (const auto& feature : view.features) {
    ARROW_RETURN_NOT_OK(dataset.GetField(feature.column, "feature"));
  }
  return Status::OK();
}

Status CheckTimeColumn(const Dataset& dataset, const std::string& column,
                       const std::string& purpose) {
  ARROW_RETURN_NOT_OK(dataset.CheckInEveryFile(column, purpose));
  ARROW_ASSIGN_OR_RAISE(const auto field, dataset.GetField(column, purpose));
  if (IsTimeType(*field->type())) return Status::OK();
  return NotATime(dataset.name(), column, purpose, *field->type());
}

Status CheckCreatedColumn(const Dataset& dataset, const std::optional<std::string>& column) {
  if (!column) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto field, dataset.GetField(*column, "created timestamp"));
  if (IsTimeType(*field->type())) return Status::OK();
  return NotATime(dataset.name(), *column, "created timestamp", *field->type());
}

}  // namespace larder
