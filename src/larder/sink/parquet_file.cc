// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/parquet_file.h"

#include <arrow/io/buffered.h>
#include <arrow/io/file.h>
#include <arrow/table.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <limits>
#include <utility>

namespace larder {

using arrow::Result;
using arrow::Status;

/// Arrow's idea of a stream over a File, which it leaves open.
class FileStream : public arrow::io::OutputStream {
 public:
  explicit FileStream(File file) : file_(std::move(file)) {}

  Status Write(const void* data, int64_t size) override {
    if (!abandoned_) {
      ARROW_RETURN_NOT_OK(file_.Write({static_cast<const char*>(data), static_cast<size_t>(size)}));
    }
    position_ += size;
    return Status::OK();
  }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }

  File* file() { return &file_; }

  /// Drops all further writes: those that Arrow's destructors would make to a failed file.
  void Abandon() { abandoned_ = true; }

 private:
  File file_;
  bool abandoned_ = false;
  int64_t position_ = 0;
  bool closed_ = false;
};

namespace {

constexpr int64_t kStreamBufferBytes = int64_t{256} << 10;

Result<arrow::Compression::type> ParseCompression(const std::string& name) {
  if (name.empty()) return arrow::Compression::SNAPPY;
  if (name == "none") return arrow::Compression::UNCOMPRESSED;
  // Parquet's LZ4 is the raw block, where Arrow's name stands for the frame.
  if (name == "lz4") return arrow::Compression::LZ4;
  ARROW_ASSIGN_OR_RAISE(const auto type, arrow::util::Codec::GetCompressionType(name));
  if (!arrow::util::Codec::IsAvailable(type)) {
    return Status::Invalid("compression '", name, "' is not available");
  }
  return type;
}

Result<std::shared_ptr<parquet::WriterProperties>> MakeProperties(const WriteOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const auto compression, ParseCompression(options.compression));
  parquet::WriterProperties::Builder builder;
  builder.memory_pool(options.pool)
      ->compression(compression)
      ->enable_statistics()
      ->enable_write_page_index()
      // Row groups are cut by the caller, so the limit here must never cut them again.
      ->max_row_group_length(std::numeric_limits<int64_t>::max())
      ->version(parquet::ParquetVersion::PARQUET_2_6);
  return builder.build();
}

}  // namespace

ParquetFile::ParquetFile() = default;

ParquetFile::~ParquetFile() { stream_->Abandon(); }

Result<std::unique_ptr<ParquetFile>> ParquetFile::Make(File file,
                                                       const std::shared_ptr<arrow::Schema>& schema,
                                                       const WriteOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto properties, MakeProperties(options));
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  std::unique_ptr<ParquetFile> made(new ParquetFile());
  made->stream_ = std::make_shared<FileStream>(std::move(file));
  ARROW_ASSIGN_OR_RAISE(made->buffered_, arrow::io::BufferedOutputStream::Create(
                                             kStreamBufferBytes, options.pool, made->stream_));
  ARROW_ASSIGN_OR_RAISE(made->writer_,
                        parquet::arrow::FileWriter::Open(*schema, options.pool, made->buffered_,
                                                         std::move(properties), arrow_properties));
  return made;
}

Status ParquetFile::WriteRowGroup(const arrow::Table& table) {
  ARROW_RETURN_NOT_OK(writer_->WriteTable(table, table.num_rows()));
  rows_ += table.num_rows();
  return Status::OK();
}

Status ParquetFile::Finish() {
  ARROW_RETURN_NOT_OK(writer_->Close());
  ARROW_RETURN_NOT_OK(buffered_->Flush());
  return stream_->file()->Sync();
}

Result<int64_t> ParquetFile::Size() const { return buffered_->Tell(); }

File* ParquetFile::file() { return stream_->file(); }

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(FileOps* ops,
                                                                const std::string& path,
                                                                arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const int fd, ops->OpenForRead(path));
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(fd, pool));
  parquet::arrow::FileReaderBuilder builder;
  Status opened = builder.Open(file, parquet::ReaderProperties(pool));
  if (!opened.ok()) return InFile(path, opened);
  // Arrow's default would fetch the whole file at once.
  auto properties = parquet::default_arrow_reader_properties();
  properties.set_pre_buffer(false);
  std::unique_ptr<parquet::arrow::FileReader> reader;
  opened = builder.memory_pool(pool)->properties(properties)->Build(&reader);
  if (!opened.ok()) return InFile(path, opened);
  return reader;
}

Result<std::string> CompressionOf(const parquet::FileMetaData& metadata) {
  if (metadata.num_row_groups() == 0 || metadata.num_columns() == 0) return std::string();
  arrow::Compression::type type = arrow::Compression::SNAPPY;
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  type = metadata.RowGroup(0)->ColumnChunk(0)->compression();
  END_PARQUET_CATCH_EXCEPTIONS
  if (type == arrow::Compression::UNCOMPRESSED) return std::string("none");
  if (type == arrow::Compression::LZ4 || type == arrow::Compression::LZ4_HADOOP) {
    return std::string("lz4");
  }
  return arrow::util::Codec::GetCodecAsString(type);
}

Status InFile(const std::string& path, const Status& status) {
  return status.WithMessage("file '", path, "': ", status.message());
}

}  // namespace larder
