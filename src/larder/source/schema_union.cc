// SPDX-License-Identifier: Apache-2.0
#include "larder/source/schema_union.h"

#include <arrow/type.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "larder/source/type_union.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

/// A type that a column has in some files, and where to see it.
struct Seen {
  TypePtr type;
  std::string where;  ///< "'path'" of the first such file.
};

/// One column of the source, as of the files so far.
class Column {
 public:
  Column(std::string name, TypePtr type, std::string where) : name_(std::move(name)), type_(type) {
    seen_.push_back({std::move(type), std::move(where)});
  }

  Status Merge(const TypePtr& type, const std::string& where) {
    const auto same = [&](const Seen& seen) { return seen.type->Equals(*type); };
    if (std::any_of(seen_.begin(), seen_.end(), same)) return Status::OK();
    TypePtr both = UnifyTypes(type_, type);
    if (both == nullptr) return Conflict(type, where);
    type_ = std::move(both);
    seen_.push_back({type, where});
    return Status::OK();
  }

  Status Conflict(const TypePtr& type, const std::string& where) const {
    // Of the types that were united so far, the one that does not go with the new one.
    auto other = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& seen) {
      return UnifyTypes(seen.type, type) == nullptr;
    });
    if (other == seen_.end()) other = std::prev(seen_.end());
    return Status::Invalid("column '", name_, "' is ", other->type->ToString(), " in ",
                           other->where, " but ", type->ToString(), " in ", where);
  }

  const std::string& name() const { return name_; }
  const TypePtr& type() const { return type_; }
  const std::vector<Seen>& seen() const { return seen_; }

 private:
  std::string name_;
  TypePtr type_;
  std::vector<Seen> seen_;
};

/// True if `text` is how an int64 is written.
bool IsInteger(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
}

/// The partition columns in order of first appearance, with the types of their folders.
std::vector<Column> PartitionColumns(const std::vector<FileSchema>& files) {
  struct Folders {
    std::string name;
    std::string where;  ///< The first folder that tells the type.
    bool any = false;
    bool all_integers = true;
  };
  std::vector<Folders> columns;
  for (const auto& file : files) {
    for (const auto& partition : file.partitions) {
      auto column = std::find_if(columns.begin(), columns.end(), [&](const Folders& known) {
        return known.name == partition.column;
      });
      if (column == columns.end()) {
        column = columns.insert(columns.end(), {partition.column, file.path});
      }
      if (!partition.value || !column->all_integers) continue;
      column->all_integers = IsInteger(*partition.value);
      if (!column->any || !column->all_integers) column->where = file.path;
      column->any = true;
    }
  }
  std::vector<Column> typed;
  for (auto& column : columns) {
    const bool integers = column.any && column.all_integers;
    typed.emplace_back(std::move(column.name), integers ? arrow::int64() : arrow::utf8(),
                       "the folders of '" + column.where + "'");
  }
  return typed;
}

bool SameColumns(const std::vector<PartitionValue>& a, const std::vector<PartitionValue>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const PartitionValue& x, const PartitionValue& y) { return x.column == y.column; });
}

/// The columns of the files so far, but what their folders say.
class FileColumns {
 public:
  Status Add(const FileSchema& file) {
    // Most files of a source look like the one before.
    if (previous_ != nullptr && SameColumns(previous_->partitions, file.partitions) &&
        previous_->schema->Equals(*file.schema, /*check_metadata=*/false)) {
      return Status::OK();
    }
    previous_ = &file;
    const std::string where = "'" + file.path + "'";
    std::unordered_map<std::string, int> times;
    for (const auto& field : file.schema->fields()) {
      const std::string& name = field->name();
      const int number = times[name]++;
      if (IsPartition(file, name)) continue;
      const auto [place, is_new] = index_.try_emplace({name, number}, columns_.size());
      if (is_new) {
        columns_.emplace_back(name, field->type(), where);
      } else {
        ARROW_RETURN_NOT_OK(columns_[place->second].Merge(field->type(), where));
      }
    }
    return Status::OK();
  }

  const std::vector<Column>& columns() const { return columns_; }

 private:
  static bool IsPartition(const FileSchema& file, const std::string& name) {
    return std::any_of(file.partitions.begin(), file.partitions.end(),
                       [&](const PartitionValue& partition) { return partition.column == name; });
  }

  const FileSchema* previous_ = nullptr;
  std::vector<Column> columns_;
  /// By name and, where a file has columns of one name, the how-manieth it is: to read one of
  /// them would be a guess, so they stay apart for those who look for the name to see.
  std::map<std::pair<std::string, int>, size_t> index_;
};

/// Files without the folder may have the column themselves. Their type must not make the folders'
/// values anything else than what they look like.
Status MergeIntoPartition(const Column& in_files, Column* partition) {
  for (const auto& seen : in_files.seen()) {
    const TypePtr both = UnifyTypes(partition->type(), seen.type);
    const bool same_kind = both != nullptr && (both->Equals(*partition->type()) ||
                                               both->id() == arrow::Type::LARGE_STRING);
    if (!same_kind) return partition->Conflict(seen.type, seen.where);
    ARROW_RETURN_NOT_OK(partition->Merge(seen.type, seen.where));
  }
  return Status::OK();
}

}  // namespace

Result<UnifiedSchema> UnifySchemas(const std::vector<FileSchema>& files) {
  FileColumns in_files;
  for (const auto& file : files) ARROW_RETURN_NOT_OK(in_files.Add(file));
  auto partitions = PartitionColumns(files);
  arrow::FieldVector fields;
  for (const auto& column : in_files.columns()) {
    const auto partition =
        std::find_if(partitions.begin(), partitions.end(),
                     [&](const Column& candidate) { return candidate.name() == column.name(); });
    if (partition == partitions.end()) {
      fields.push_back(arrow::field(column.name(), column.type()));
    } else {
      ARROW_RETURN_NOT_OK(MergeIntoPartition(column, &*partition));
    }
  }
  UnifiedSchema unified;
  for (const auto& partition : partitions) {
    unified.partition_columns.push_back(partition.name());
    fields.push_back(arrow::field(partition.name(), partition.type()));
  }
  unified.schema = arrow::schema(std::move(fields));
  return unified;
}

}  // namespace larder
