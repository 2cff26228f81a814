// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <arrow/util/macros.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "larder/io/visible_files.h"
#include "larder/sink/parquet_file.h"
#include "larder/sink/write.h"

namespace larder {

/// A folder that goes with the object.
class TempDir {
 public:
  TempDir() {
    // Memory, if there is some: most of the time would go into real fsyncs.
    std::string pattern = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    pattern += "/larder-test-XXXXXX";
    path_ = mkdtemp(pattern.data()) == nullptr ? "" : pattern;
    EXPECT_FALSE(path_.empty());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// How much more the stress tests do: LARDER_STRESS, 1 by default.
inline int StressFactor() {
  const char* text = std::getenv("LARDER_STRESS");  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return 1;
  return std::max(1, static_cast<int>(std::strtol(text, nullptr, 10)));
}

/// Rows in every test write, and how many of them come in one batch.
inline constexpr int kRows = 12;
inline constexpr int kBatchRows = 5;

/// The rows of write number `write`: columns write, row (0 .. kRows - 1), part ("a", "b" or
/// null), text.
inline std::shared_ptr<arrow::RecordBatchReader> TestRows(int64_t write, int rows = kRows) {
  const auto schema =
      arrow::schema({arrow::field("write", arrow::int64()), arrow::field("row", arrow::int64()),
                     arrow::field("part", arrow::utf8()), arrow::field("text", arrow::utf8())});
  arrow::RecordBatchVector batches;
  for (int begin = 0; begin < rows; begin += kBatchRows) {
    arrow::Int64Builder writes;
    arrow::Int64Builder numbers;
    arrow::StringBuilder parts;
    arrow::StringBuilder texts;
    const int end = std::min(rows, begin + kBatchRows);
    for (int row = begin; row < end; ++row) {
      ARROW_UNUSED(writes.Append(write));
      ARROW_UNUSED(numbers.Append(row));
      ARROW_UNUSED(row % 3 == 2 ? parts.AppendNull() : parts.Append(row % 3 == 0 ? "a" : "b"));
      ARROW_UNUSED(texts.Append(std::to_string(write * 1000 + row)));
    }
    batches.push_back(arrow::RecordBatch::Make(
        schema, end - begin,
        arrow::ArrayVector{*writes.Finish(), *numbers.Finish(), *parts.Finish(), *texts.Finish()}));
  }
  return *arrow::RecordBatchReader::Make(std::move(batches), schema);
}

inline arrow::Result<std::shared_ptr<arrow::Table>> ReadParquet(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        OpenParquet(FileOps::Default(), path, arrow::default_memory_pool()));
  return reader->ReadTable();
}

/// A reader of one batch: an array of JSON for each field.
inline std::shared_ptr<arrow::RecordBatchReader> Rows(const arrow::FieldVector& fields,
                                                      const std::vector<std::string>& columns) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto array = arrow::json::ArrayFromJSONString(fields[i]->type(), columns[i]);
    EXPECT_TRUE(array.ok()) << array.status();
    arrays.push_back(*array);
  }
  const auto schema = arrow::schema(fields);
  const int64_t length = arrays.empty() ? 0 : arrays[0]->length();
  return *arrow::RecordBatchReader::Make(
      {arrow::RecordBatch::Make(schema, length, std::move(arrays))}, schema);
}

/// A column of a file as text.
inline std::string Column(const std::string& path, const std::string& name) {
  const auto table = ReadParquet(path);
  EXPECT_TRUE(table.ok()) << table.status();
  return (*(*table)->CombineChunksToBatch())->GetColumnByName(name)->ToString();
}

inline std::vector<std::string> Visible(const std::string& directory) {
  return *VisibleFilesUnder(FileOps::Default(), directory);
}

/// The rows of each write.
using Writes = std::map<int64_t, std::multiset<int64_t>>;

inline arrow::Status AddRows(const std::string& path, Writes* writes) {
  ARROW_ASSIGN_OR_RAISE(const auto table, ReadParquet(path));
  ARROW_ASSIGN_OR_RAISE(const auto batch, table->CombineChunksToBatch());
  const auto& write = static_cast<const arrow::Int64Array&>(*batch->GetColumnByName("write"));
  const auto& row = static_cast<const arrow::Int64Array&>(*batch->GetColumnByName("row"));
  const auto& text = static_cast<const arrow::StringArray&>(*batch->GetColumnByName("text"));
  for (int64_t i = 0; i < batch->num_rows(); ++i) {
    if (text.GetView(i) != std::to_string(write.Value(i) * 1000 + row.Value(i))) {
      return arrow::Status::Invalid("'", path, "' holds a wrong row");
    }
    (*writes)[write.Value(i)].insert(row.Value(i));
  }
  return arrow::Status::OK();
}

/// What a reader sees at `path`: a file, a directory, or nothing.
inline arrow::Result<Writes> ReadWrites(const std::string& path) {
  Writes writes;
  if (std::filesystem::is_regular_file(path)) {
    ARROW_RETURN_NOT_OK(AddRows(path, &writes));
  } else if (std::filesystem::exists(path)) {
    ARROW_ASSIGN_OR_RAISE(const auto files, VisibleFilesUnder(FileOps::Default(), path));
    for (const auto& file : files) ARROW_RETURN_NOT_OK(AddRows(file, &writes));
  }
  return writes;
}

/// Invalid unless each write in `writes` is there whole and once.
inline arrow::Status CheckWhole(const Writes& writes) {
  for (const auto& [write, rows] : writes) {
    const std::set<int64_t> distinct(rows.begin(), rows.end());
    if (rows.size() != kRows || distinct.size() != kRows) {
      return arrow::Status::Invalid("write ", write, " is there with ", rows.size(), " rows");
    }
  }
  return arrow::Status::OK();
}

/// Everything under `root` that starts with ".larder-".
inline std::vector<std::string> Leftovers(const std::string& root) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().filename().string().starts_with(".larder-")) {
      found.push_back(entry.path().string());
    }
  }
  return found;
}

/// One kind of write, to try in every kind of trouble.
struct Scenario {
  enum class Effect { kAdds, kReplaces };

  std::string name;
  std::string place;  ///< The file or directory, relative to a folder of the test's own.
  Effect effect;
  bool first_exists;  ///< Whether write 1 is made before.
  std::function<arrow::Status(const std::string& path, int64_t write, const WriteOptions&)> run;
};

inline WriteOptions Partitioned(WriteOptions options) {
  options.partition_by = {"part"};
  return options;
}

inline WriteOptions Sized(WriteOptions options) {
  options.max_rows_per_file = 5;
  return options;
}

inline std::vector<Scenario> AllScenarios() {
  using Effect = Scenario::Effect;
  const auto append = [](const std::string& path, int64_t write, const WriteOptions& options) {
    return AppendToDirectory(path, TestRows(write).get(), options).status();
  };
  const auto partitioned = [=](const std::string& path, int64_t write,
                               const WriteOptions& options) {
    return append(path, write, Partitioned(options));
  };
  const auto sized = [=](const std::string& path, int64_t write, const WriteOptions& options) {
    return append(path, write, Sized(options));
  };
  const auto append_file = [](const std::string& path, int64_t write, const WriteOptions& options) {
    return AppendToFile(path, TestRows(write).get(), options).status();
  };
  const auto write_file = [](const std::string& path, int64_t write, const WriteOptions& options) {
    return WriteFile(path, TestRows(write).get(), true, options).status();
  };
  const auto write_directory = [](const std::string& path, int64_t write,
                                  const WriteOptions& options) {
    return WriteDirectory(path, TestRows(write).get(), true, Sized(options)).status();
  };
  const auto write_partitions = [](const std::string& path, int64_t write,
                                   const WriteOptions& options) {
    return WriteDirectory(path, TestRows(write).get(), true, Partitioned(options)).status();
  };
  return {
      {"append_new", "deep/er/table", Effect::kAdds, false, append},
      {"append", "table", Effect::kAdds, true, append},
      {"append_partitioned_new", "table", Effect::kAdds, false, partitioned},
      {"append_partitioned", "table", Effect::kAdds, true, partitioned},
      {"append_sized_new", "table", Effect::kAdds, false, sized},
      {"append_sized", "table", Effect::kAdds, true, sized},
      {"append_file_new", "deep/er/data.parquet", Effect::kAdds, false, append_file},
      {"append_file", "data.parquet", Effect::kAdds, true, append_file},
      {"write_file_new", "data.parquet", Effect::kReplaces, false, write_file},
      {"write_file", "data.parquet", Effect::kReplaces, true, write_file},
      {"write_directory_new", "deep/er/out", Effect::kReplaces, false, write_directory},
      {"write_directory", "out", Effect::kReplaces, true, write_directory},
      {"write_partitions_new", "out", Effect::kReplaces, false, write_partitions},
      {"write_partitions", "out", Effect::kReplaces, true, write_partitions},
  };
}

inline std::string ScenarioName(const testing::TestParamInfo<size_t>& parameter) {
  return AllScenarios()[parameter.param].name;
}

/// Invalid unless the reader of `path` sees what he may after write 2 was tried, and saw
/// `acknowledged` as its end: old rows, and of the new all or nothing.
inline arrow::Status CheckScenario(const Scenario& scenario, const std::string& path,
                                   bool acknowledged) {
  ARROW_ASSIGN_OR_RAISE(const Writes writes, ReadWrites(path));
  ARROW_RETURN_NOT_OK(CheckWhole(writes));
  const bool has_old = writes.contains(1);
  const bool has_new = writes.contains(2);
  if (acknowledged && !has_new) return arrow::Status::Invalid("an acknowledged write is lost");
  const bool old_must_be = scenario.effect == Scenario::Effect::kAdds
                               ? scenario.first_exists
                               : scenario.first_exists && !has_new;
  const bool old_may_be = scenario.effect == Scenario::Effect::kAdds || !has_new;
  if (old_must_be && !has_old) return arrow::Status::Invalid("the old rows are lost");
  if (!old_may_be && has_old) return arrow::Status::Invalid("old and new rows are mixed");
  return arrow::Status::OK();
}

/// Invalid unless a healthy writer can go on at `path` after the trouble, and cleans up.
inline arrow::Status CheckRecovery(const Scenario& scenario, const std::string& folder) {
  const std::string path = folder + "/" + scenario.place;
  ARROW_ASSIGN_OR_RAISE(const Writes before, ReadWrites(path));
  ARROW_RETURN_NOT_OK(scenario.run(path, 3, {}));
  const auto leftovers = Leftovers(folder);
  if (!leftovers.empty()) {
    return arrow::Status::Invalid("'", leftovers[0], "' was left behind");
  }
  ARROW_ASSIGN_OR_RAISE(const Writes after, ReadWrites(path));
  ARROW_RETURN_NOT_OK(CheckWhole(after));
  if (!after.contains(3)) return arrow::Status::Invalid("the next write is not there");
  if (scenario.effect == Scenario::Effect::kReplaces) return arrow::Status::OK();
  for (const auto& [write, rows] : before) {
    if (!after.contains(write)) return arrow::Status::Invalid("write ", write, " is gone");
  }
  return arrow::Status::OK();
}

}  // namespace larder
