// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "larder/source/dataset.h"
#include "tests/cpp/sink_testing.h"

// Small Parquet files from JSON, for the tests of what reads them.

namespace larder {

/// The value; the test ends with a failure if there is none.
template <typename T>
T Unwrap(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

inline std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                              const std::string& json) {
  return Unwrap(arrow::json::ArrayFromJSONString(type, json));
}

/// One array of JSON for each field.
inline std::shared_ptr<arrow::Table> TableOf(const arrow::FieldVector& fields,
                                             const std::vector<std::string>& columns) {
  return Unwrap(Rows(fields, columns)->ToTable());
}

struct FileLayout {
  int64_t row_group_rows = int64_t{1} << 20;
  bool statistics = true;
  bool dictionaries = true;
  int64_t dictionary_bytes = int64_t{1} << 20;  ///< Beyond it pages are plain.
  int64_t page_rows = 20'000;                   ///< An even number.
  bool page_index = false;                      ///< Then page headers have no statistics.
};

/// Writes a file, and the folders it is in.
inline void WriteParquet(const std::string& path, const arrow::Table& table,
                         const FileLayout& layout = {}) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  parquet::WriterProperties::Builder properties;
  properties.dictionary_pagesize_limit(layout.dictionary_bytes);
  properties.write_batch_size(2)->max_rows_per_page(layout.page_rows);
  if (layout.page_index) properties.enable_write_page_index();
  if (!layout.statistics) properties.disable_statistics();
  if (!layout.dictionaries) properties.disable_dictionary();
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  const auto out = Unwrap(arrow::io::FileOutputStream::Open(path));
  const auto status =
      parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, layout.row_group_rows,
                                 properties.build(), arrow_properties);
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteBytes(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Makes the pages of a file garbage and leaves its footer whole.
inline void BreakPages(const std::string& path) {
  std::string bytes = ReadBytes(path);
  for (size_t i = 4; i < bytes.size() / 3; ++i) bytes[i] = '\xFF';
  WriteBytes(path, bytes);
}

inline std::shared_ptr<const Dataset> OpenDataset(const std::vector<std::string>& paths,
                                                  bool hive_partitioning = true) {
  return Unwrap(Dataset::Open({paths, hive_partitioning}, RunContext{}));
}

/// That a status has the code, and each of the words in its message.
inline void ExpectError(const arrow::Status& status, arrow::StatusCode code,
                        const std::vector<std::string>& words) {
  EXPECT_EQ(status.code(), code) << status;
  for (const auto& word : words) {
    EXPECT_NE(status.message().find(word), std::string::npos) << "no " << word << " in " << status;
  }
}

inline std::shared_ptr<arrow::Field> Int64Field(const std::string& name) {
  return arrow::field(name, arrow::int64());
}
inline std::shared_ptr<arrow::Field> StringField(const std::string& name) {
  return arrow::field(name, arrow::utf8());
}
inline std::shared_ptr<arrow::Field> TimeField(
    const std::string& name, arrow::TimeUnit::type unit = arrow::TimeUnit::MICRO) {
  return arrow::field(name, arrow::timestamp(unit));
}

}  // namespace larder
