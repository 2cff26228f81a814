// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/chunk_pages.h"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <utility>

namespace larder {

using arrow::Result;
using arrow::Status;

Result<std::optional<ChunkPages>> ChunkPages::Open(
    const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
    const RowGroup& group, const parquet::arrow::SchemaField& field, const RunContext& context) {
  using parquet::ApplicationVersion;
  if (!field.is_leaf()) return std::nullopt;
  const parquet::ColumnDescriptor& leaf = *file.metadata()->schema()->Column(field.column_index);
  if (leaf.max_repetition_level() > 0 || leaf.max_definition_level() > 1) return std::nullopt;
  const auto chunk = file.metadata()->RowGroup(group.index)->ColumnChunk(field.column_index);
  const ApplicationVersion& writer = file.metadata()->writer_version();
  if (chunk->crypto_metadata() != nullptr || file.metadata()->is_encryption_algorithm_set() ||
      writer.VersionLt(ApplicationVersion::PARQUET_816_FIXED_VERSION()) ||
      writer.VersionLt(ApplicationVersion::PARQUET_CPP_10353_FIXED_VERSION())) {
    return std::nullopt;
  }

  const int64_t data = chunk->data_page_offset();
  int64_t begin = data;
  if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk->dictionary_page_offset());
  }
  const int64_t bytes = chunk->total_compressed_size();
  ARROW_ASSIGN_OR_RAISE(const int64_t file_bytes, input->GetSize());
  if (begin < 0 || bytes < 0 || begin > file_bytes || bytes > file_bytes - begin ||
      data - begin > bytes) {
    return Status::IOError("column '", field.field->name(), "' in row group ", group.index,
                           " lies outside of the file: it is truncated or corrupt");
  }
  ChunkPages pages{&leaf, group.rows, nullptr, nullptr, nullptr};
  const auto open = [&](int64_t first, int64_t end) {
    pages.stream = std::make_shared<ChunkStream>(input, first, end - first, context.pool);
    return parquet::PageReader::Open(pages.stream, chunk->num_values(), chunk->compression(),
                                     parquet::ReaderProperties(context.pool), leaf);
  };
  if (begin < data) pages.dictionary = open(begin, data);
  pages.reader = open(data, begin + bytes);
  return pages;
}

}  // namespace larder
