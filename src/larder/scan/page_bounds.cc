// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/page_bounds.h"

#include <arrow/io/interfaces.h>
#include <arrow/util/ubsan.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "larder/scan/chunk_pages.h"

namespace larder {

using arrow::Status;

namespace {

std::optional<Bounds<int64_t>> Between(int64_t min, int64_t max) {
  if (min > max) return std::nullopt;
  return Bounds<int64_t>{min, max};
}

/// Of a column index whose physical type is Parquet's.
template <typename Index>
std::vector<PageBounds> FromColumnIndex(const parquet::ColumnIndex& index,
                                        const parquet::OffsetIndex& offsets, int64_t rows) {
  const auto& min = static_cast<const Index&>(index).min_values();
  const auto& max = static_cast<const Index&>(index).max_values();
  const auto& locations = offsets.page_locations();
  if (min.size() != locations.size() || max.size() != locations.size()) return {};
  std::vector<PageBounds> pages;
  pages.reserve(locations.size());
  for (size_t i = 0; i < locations.size(); ++i) {
    const int64_t end = i + 1 < locations.size() ? locations[i + 1].first_row_index : rows;
    const int64_t first = locations[i].first_row_index;
    if (first < 0 || end < first) return {};
    PageBounds page{end - first, index.null_pages()[i], std::nullopt};
    if (!page.all_null) page.values = Between(min[i], max[i]);
    pages.push_back(page);
  }
  return pages;
}

/// None if the file has no page index.
std::optional<std::vector<PageBounds>> FromPageIndex(
    const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
    const RowGroup& group, int leaf) {
  const parquet::ReaderProperties properties;
  const auto reader = parquet::PageIndexReader::Make(input.get(), file.metadata(), properties);
  const auto indexes = reader->RowGroup(group.index);
  if (indexes == nullptr) return std::nullopt;
  const auto index = indexes->GetColumnIndex(leaf);
  const auto offsets = indexes->GetOffsetIndex(leaf);
  if (index == nullptr || offsets == nullptr) return std::nullopt;
  if (file.metadata()->schema()->Column(leaf)->physical_type() == parquet::Type::INT32) {
    return FromColumnIndex<parquet::Int32ColumnIndex>(*index, *offsets, group.rows);
  }
  return FromColumnIndex<parquet::Int64ColumnIndex>(*index, *offsets, group.rows);
}

/// A value in Parquet's plain encoding; none if it is not as long as the type.
std::optional<int64_t> Decode(const std::string& value, parquet::Type::type type) {
  if (type == parquet::Type::INT32 && value.size() == sizeof(int32_t)) {
    return arrow::util::SafeLoadAs<int32_t>(reinterpret_cast<const uint8_t*>(value.data()));
  }
  if (type == parquet::Type::INT64 && value.size() == sizeof(int64_t)) {
    return arrow::util::SafeLoadAs<int64_t>(reinterpret_cast<const uint8_t*>(value.data()));
  }
  return std::nullopt;
}

PageBounds FromHeader(const parquet::DataPageStats& header, parquet::Type::type type) {
  PageBounds page{header.num_values, false, std::nullopt};
  const parquet::EncodedStatistics* statistics = header.encoded_statistics;
  if (statistics == nullptr) return page;
  page.all_null =
      statistics->has_null_count && statistics->null_count == int64_t{header.num_values};
  if (!statistics->has_min || !statistics->has_max) return page;
  const auto min = Decode(statistics->min(), type);
  const auto max = Decode(statistics->max(), type);
  if (min && max) page.values = Between(*min, *max);
  return page;
}

std::vector<PageBounds> FromHeaders(ChunkPages* chunk) {
  std::vector<PageBounds> pages;
  const auto type = chunk->leaf().physical_type();
  chunk->ReadHeaders(
      [&](const parquet::DataPageStats& header) { pages.push_back(FromHeader(header, type)); });
  return pages;
}

}  // namespace

std::vector<PageBounds> ReadPageBounds(const Dataset& dataset, const RowGroup& group,
                                       const std::string& column, const RunContext& context) {
  const SourceFile& file = dataset.file_of(group);
  const ColumnPlace place = dataset.Find(file, column);
  if (place.field == nullptr || !place.field->is_leaf()) return {};
  const int leaf = place.field->column_index;
  const auto type = file.metadata()->schema()->Column(leaf)->physical_type();
  if (type != parquet::Type::INT32 && type != parquet::Type::INT64) return {};
  std::vector<PageBounds> pages;
  const Status status = CatchExceptions([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenSourceFile(file.path, context.pool));
    ARROW_ASSIGN_OR_RAISE(const auto chunk,
                          ChunkPages::Open(input, file, group, *place.field, context));
    if (chunk == nullptr) return Status::OK();
    auto indexed = FromPageIndex(input, file, group, leaf);
    pages = indexed ? std::move(*indexed) : FromHeaders(chunk.get());
    return Status::OK();
  });
  const auto rows = [](int64_t sum, const PageBounds& page) { return sum + page.rows; };
  const bool are_sound =
      status.ok() &&
      std::all_of(pages.begin(), pages.end(),
                  [](const PageBounds& page) { return page.rows >= 0; }) &&
      std::accumulate(pages.begin(), pages.end(), int64_t{0}, rows) == group.rows;
  return are_sound ? pages : std::vector<PageBounds>{};
}

}  // namespace larder
