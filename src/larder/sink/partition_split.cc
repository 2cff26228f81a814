// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/partition_split.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/type.h>

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "larder/base/cast.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

constexpr size_t kMaxNameBytes = 255;

using TextColumns = std::vector<std::shared_ptr<arrow::StringArray>>;

Result<TextColumns> ToText(const std::vector<std::string>& names, const arrow::ArrayVector& values,
                           arrow::MemoryPool* pool) {
  TextColumns columns;
  for (size_t i = 0; i < names.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto text,
                          CastColumn(values[i], arrow::utf8(), names[i], {.pool = pool}));
    columns.push_back(std::static_pointer_cast<arrow::StringArray>(text));
  }
  return columns;
}

/// What tells the rows of one folder from those of another, without the cost of encoding.
void MakeKey(const TextColumns& columns, int64_t row, std::string* key) {
  key->clear();
  for (const auto& column : columns) {
    const auto size = column->IsNull(row) ? int64_t{-1} : int64_t{column->value_length(row)};
    key->append(reinterpret_cast<const char*>(&size), sizeof(size));
    if (size > 0) key->append(column->GetView(row));
  }
}

Result<std::string> FolderOf(const std::vector<std::string>& names, const TextColumns& columns,
                             int64_t row) {
  std::string folder;
  for (size_t i = 0; i < names.size(); ++i) {
    std::string segment = names[i] + "=";
    if (columns[i]->IsNull(row)) {
      segment += kHiveNull;
    } else if (columns[i]->GetView(row) == kHiveNull) {
      return Status::Invalid("column '", names[i], "': the value '", kHiveNull,
                             "' stands for null in the name of a partition");
    } else {
      segment += UrlEncode(columns[i]->GetView(row));
    }
    if (segment.size() > kMaxNameBytes) {
      return Status::Invalid("column '", names[i], "': a value is too long for a partition: '",
                             columns[i]->GetView(row).substr(0, 60), "...'");
    }
    folder += (i == 0 ? "" : "/") + segment;
  }
  return folder;
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<int64_t>& indices,
    arrow::MemoryPool* pool) {
  arrow::Int64Builder builder(pool);
  ARROW_RETURN_NOT_OK(builder.AppendValues(indices));
  ARROW_ASSIGN_OR_RAISE(const auto index_array, builder.Finish());
  arrow::compute::ExecContext context(pool);
  ARROW_ASSIGN_OR_RAISE(
      auto taken, arrow::compute::Take(rows, index_array,
                                       arrow::compute::TakeOptions::NoBoundsCheck(), &context));
  return taken.record_batch();
}

}  // namespace

Status CheckPartitionNames(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    bool bad = name.empty();
    for (const char c : name) {
      bad = bad || c == '/' || c == '=' || static_cast<unsigned char>(c) < 0x20;
    }
    if (bad) return Status::Invalid("'", name, "' cannot be the name of a partition column");
  }
  return Status::OK();
}

Result<std::vector<PartitionRows>> SplitByPartition(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                    const std::vector<std::string>& names,
                                                    const arrow::ArrayVector& values,
                                                    arrow::MemoryPool* pool) {
  std::vector<PartitionRows> result;
  if (rows->num_rows() == 0) return result;
  if (names.empty()) {
    result.push_back({"", rows});
    return result;
  }
  ARROW_ASSIGN_OR_RAISE(const TextColumns columns, ToText(names, values, pool));
  std::unordered_map<std::string, size_t> numbers;
  std::vector<std::vector<int64_t>> indices;
  std::string last_key;
  std::string key;
  size_t number = 0;
  for (int64_t row = 0; row < rows->num_rows(); ++row) {
    MakeKey(columns, row, &key);
    if (row == 0 || key != last_key) {
      const auto [found, is_new] = numbers.try_emplace(key, indices.size());
      number = found->second;
      if (is_new) {
        ARROW_ASSIGN_OR_RAISE(std::string folder, FolderOf(names, columns, row));
        result.push_back({std::move(folder), nullptr});
        indices.emplace_back();
      }
      std::swap(last_key, key);
    }
    indices[number].push_back(row);
  }
  for (size_t i = 0; i < result.size(); ++i) {
    if (result.size() == 1) {
      result[i].rows = rows;
    } else {
      ARROW_ASSIGN_OR_RAISE(result[i].rows, TakeRows(rows, indices[i], pool));
    }
  }
  return result;
}

std::string UrlEncode(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

}  // namespace larder
