// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <gtest/gtest.h>
#include <parquet/metadata.h>

#include <bit>
#include <random>
#include <string>
#include <vector>

#include "larder/base/cast.h"
#include "larder/scan/flat_column.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;
using parquet::Encoding;

/// How a column is laid out in its file.
struct Layout {
  std::string name;
  Encoding::type encoding = Encoding::PLAIN;
  bool dictionary = false;
  int64_t dictionary_bytes = int64_t{1} << 20;
  parquet::ParquetDataPageVersion pages = parquet::ParquetDataPageVersion::V1;
  parquet::Compression::type compression = parquet::Compression::SNAPPY;
  bool random_bits = false;  ///< What no compression makes smaller.
};

std::string NameOf(const testing::TestParamInfo<Layout>& info) { return info.param.name; }

constexpr int64_t kRows = 5'000;

class FlatColumnTest : public testing::TestWithParam<Layout> {
 protected:
  /// `null_share` in tenths. The first third has no nulls, so that pages of both kinds meet.
  static std::shared_ptr<arrow::Array> Numbers(const std::shared_ptr<arrow::DataType>& type,
                                               int null_share) {
    std::mt19937_64 random(7);
    auto builder = Unwrap(arrow::MakeBuilder(type));
    for (int64_t i = 0; i < kRows; ++i) {
      if (i > kRows / 3 && static_cast<int>(random() % 10) < null_share) {
        EXPECT_TRUE(builder->AppendNull().ok());
        continue;
      }
      if (GetParam().random_bits && arrow::is_primitive(type->id())) {
        EXPECT_TRUE(builder->AppendScalar(*RandomBits(type, random())).ok());
        continue;
      }
      const auto value = static_cast<int32_t>(random() % 1'000);
      const auto scalar = arrow::is_base_binary_like(type->id())
                              ? Unwrap(arrow::MakeScalar(type, Text(value)))
                              : Unwrap(arrow::MakeScalar(value)->CastTo(type));
      EXPECT_TRUE(builder->AppendScalar(*scalar).ok());
    }
    return Unwrap(builder->Finish());
  }

  static std::shared_ptr<arrow::Scalar> RandomBits(const std::shared_ptr<arrow::DataType>& type,
                                                   uint64_t bits) {
    const auto as = type->byte_width() == 4 ? arrow::int32() : arrow::int64();
    const auto number = as->id() == arrow::Type::INT32
                            ? arrow::MakeScalar(static_cast<int32_t>(bits))
                            : arrow::MakeScalar(static_cast<int64_t>(bits));
    if (!arrow::is_floating(type->id())) return Unwrap(number->CastTo(type));
    // Of a number between 1 and 2, any.
    return type->byte_width() == 4
               ? arrow::MakeScalar(
                     std::bit_cast<float>(0x3f80'0000U | static_cast<uint32_t>(bits >> 41)))
               : arrow::MakeScalar(std::bit_cast<double>(0x3ff0'0000'0000'0000U | (bits >> 12)));
  }

  /// Of 0 to 40 bytes, some with a prefix in common.
  static std::shared_ptr<arrow::Buffer> Text(int32_t number) {
    return arrow::Buffer::FromString(std::string(static_cast<size_t>(number % 37), 'x') +
                                     (number % 37 == 0 ? "" : std::to_string(number)));
  }

  /// Strings have encodings of their own.
  static Encoding::type EncodingOf(const arrow::DataType& type) {
    const Encoding::type encoding = GetParam().encoding;
    if (!arrow::is_base_binary_like(type.id()) || encoding == Encoding::PLAIN) return encoding;
    return encoding == Encoding::DELTA_BINARY_PACKED ? Encoding::DELTA_BYTE_ARRAY
                                                     : Encoding::DELTA_LENGTH_BYTE_ARRAY;
  }

  static std::shared_ptr<arrow::Array> Plain(const std::shared_ptr<arrow::Array>& values) {
    if (values->type_id() != arrow::Type::DICTIONARY) return values;
    const auto& coded = static_cast<const arrow::DictionaryArray&>(*values);
    return Unwrap(CastColumn(values, coded.dictionary()->type(), "x", {}));
  }

  void Write(const std::shared_ptr<arrow::Array>& values, bool nullable = true) {
    const Layout& layout = GetParam();
    parquet::WriterProperties::Builder properties;
    properties.data_pagesize(700)->write_batch_size(16)->compression(layout.compression);
    properties.data_page_version(layout.pages)->dictionary_pagesize_limit(layout.dictionary_bytes);
    if (!layout.dictionary)
      properties.disable_dictionary()->encoding("x", EncodingOf(*values->type()));
    const auto table =
        arrow::Table::Make(arrow::schema({arrow::field("x", values->type(), nullable)}), {values});
    const auto out = Unwrap(arrow::io::FileOutputStream::Open(path_));
    ASSERT_TRUE(parquet::arrow::WriteTable(
                    *table, arrow::default_memory_pool(), out, kRows, properties.build(),
                    parquet::ArrowWriterProperties::Builder().store_schema()->build())
                    .ok());
    dataset_ = OpenDataset({path_});
  }

  std::unique_ptr<FlatColumn> Open(bool keep_dictionary = false) {
    const SourceFile& file = dataset_->files()[0];
    const auto input = Unwrap(OpenSourceFile(path_, arrow::default_memory_pool()));
    return Unwrap(FlatColumn::Open(input, file, dataset_->row_groups()[0],
                                   file.footer->manifest.schema_fields[0], keep_dictionary,
                                   RunContext{}));
  }

  /// Reads stretches of random length, leaves out others, goes back now and then, and compares what
  /// is read.
  void ExpectStretches(const std::shared_ptr<arrow::Array>& values, int64_t longest, unsigned seed,
                       bool keep_dictionary) {
    std::mt19937_64 random(seed);
    const auto column = Open(keep_dictionary);
    ASSERT_NE(column, nullptr);
    arrow::ArrayVector held;  // Some batches live on while later ones are read.
    std::vector<int64_t> begins;
    int times_back = 20;
    for (int64_t row = 0; row < kRows;) {
      auto length = std::min<int64_t>(
          kRows - row, 1 + static_cast<int64_t>(random() % static_cast<uint64_t>(longest)));
      const auto what = random() % 16;
      if (what == 0 && times_back-- > 0) {
        row = static_cast<int64_t>(random() % static_cast<uint64_t>(row + 1));
        column->Seek(row);
        length = 0;
      } else if (what < 8) {
        column->Seek(row + length);
      } else {
        const auto batch = Unwrap(column->Read(length));
        ASSERT_TRUE(batch->ValidateFull().ok());
        ASSERT_GT(batch->length(), 0);
        ASSERT_LE(batch->length(), length);
        length = batch->length();
        ASSERT_TRUE(Plain(batch)->Equals(values->Slice(row, length))) << "row " << row;
        if (random() % 3 == 0) {
          held.push_back(batch);
          begins.push_back(row);
        }
      }
      row += length;
    }
    for (size_t i = 0; i < held.size(); ++i) {
      EXPECT_TRUE(Plain(held[i])->Equals(values->Slice(begins[i], held[i]->length())));
    }
  }

  void ExpectReadsLikeWritten(const std::shared_ptr<arrow::DataType>& type) {
    for (const int null_share : {0, 2, 10}) {
      const auto values = Numbers(type, null_share);
      Write(values);
      for (const int64_t longest : {1, 3, 60, 700, 5'000}) {
        for (unsigned seed = 0; seed < 5; ++seed) {
          ExpectStretches(values, longest, seed, /*keep_dictionary=*/false);
          ExpectStretches(values, longest, seed, /*keep_dictionary=*/true);
        }
      }
    }
  }

  TempDir root_;
  std::string path_ = root_ / "a.parquet";
  std::shared_ptr<const Dataset> dataset_;
};

TEST_P(FlatColumnTest, ReadsLikeWritten) {
  if (GetParam().encoding != Encoding::BYTE_STREAM_SPLIT) {
    ExpectReadsLikeWritten(arrow::int64());
    ExpectReadsLikeWritten(arrow::int32());
    ExpectReadsLikeWritten(arrow::date32());
    ExpectReadsLikeWritten(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"));
  }
  if (GetParam().encoding != Encoding::DELTA_BINARY_PACKED) {
    ExpectReadsLikeWritten(arrow::float32());
    ExpectReadsLikeWritten(arrow::float64());
  }
}

TEST_P(FlatColumnTest, ColumnsThatAreNeverNull) {
  if (GetParam().encoding == Encoding::BYTE_STREAM_SPLIT) return;
  const auto values = Numbers(arrow::int64(), 0);
  Write(values, /*nullable=*/false);
  for (unsigned seed = 0; seed < 10; ++seed)
    ExpectStretches(values, 300, seed, /*keep_dictionary=*/false);
}

/// Page by page from the last one: each begins where it is said to.
TEST_P(FlatColumnTest, PagesAreReadBackwards) {
  if (GetParam().encoding == Encoding::BYTE_STREAM_SPLIT) return;
  for (const auto& type : {arrow::int64(), arrow::utf8()}) {
    const auto values = Numbers(type, 2);
    Write(values);
    const auto column = Open();
    int pages = 0;
    for (int64_t end = kRows; end > 0; ++pages) {
      const int64_t begin = Unwrap(column->FirstRowOfPage(end - 1));
      ASSERT_LT(begin, end);
      column->Seek(begin);
      const auto batch = Unwrap(column->Read(kRows));
      ASSERT_TRUE(batch->Equals(values->Slice(begin, end - begin))) << begin << " to " << end;
      end = begin;
    }
    EXPECT_GT(pages, 5);
    ExpectError(column->FirstRowOfPage(kRows).status(), StatusCode::IOError, {"'x'", "corrupt"});
  }
}

TEST_P(FlatColumnTest, StringsReadLikeWritten) {
  if (GetParam().random_bits) return;  // Numbers only.
  for (const auto& type :
       {arrow::utf8(), arrow::binary(), arrow::large_utf8(), arrow::large_binary()}) {
    ExpectReadsLikeWritten(type);
  }
}

/// Every byte of the pages as another one: an error or other values, never a crash.
TEST_P(FlatColumnTest, BrokenPagesAreErrors) {
  for (const auto& type : {arrow::int64(), arrow::utf8()}) {
    const bool is_split = GetParam().encoding == Encoding::BYTE_STREAM_SPLIT;
    if (is_split && type->id() == arrow::Type::INT64) continue;
    Write(Numbers(type, 2));
    const std::string whole = ReadBytes(path_);
    std::mt19937_64 random(3);
    for (int i = 0; i < 300; ++i) {
      std::string broken = whole;
      char& byte = broken[4 + random() % (whole.size() / 2)];
      byte = static_cast<char>(byte + 1 + static_cast<char>(random() % 100));
      WriteBytes(path_, broken);
      const auto column = Open(/*keep_dictionary=*/i % 2 == 0);
      const arrow::Status status = CatchExceptions([&] {
        if (i % 3 == 0) ARROW_RETURN_NOT_OK(column->FirstRowOfPage(kRows - 1).status());
        for (int64_t row = 100; row < kRows; row += 100) {
          column->Seek(row);
          ARROW_ASSIGN_OR_RAISE(const auto batch, column->Read(i % 5 == 0 ? 1 : 4000));
          row += batch->length();
        }
        column->Seek(0);
        return column->Read(10).status();
      });
      EXPECT_TRUE(status.ok() || status.IsIOError() || status.IsOutOfMemory() ||
                  status.IsCapacityError())
          << status;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, FlatColumnTest,
    testing::Values(
        Layout{"plain"}, Layout{.name = "plain_v2", .pages = parquet::ParquetDataPageVersion::V2},
        Layout{.name = "uncompressed", .compression = parquet::Compression::UNCOMPRESSED},
        Layout{.name = "random", .random_bits = true},
        Layout{
            .name = "random_v2", .pages = parquet::ParquetDataPageVersion::V2, .random_bits = true},
        Layout{.name = "random_dictionary", .dictionary = true, .random_bits = true},
        Layout{.name = "random_dictionary_uncompressed",
               .dictionary = true,
               .compression = parquet::Compression::UNCOMPRESSED,
               .random_bits = true},
        Layout{.name = "zstd", .compression = parquet::Compression::ZSTD},
        Layout{.name = "dictionary", .dictionary = true},
        Layout{.name = "dictionary_v2",
               .dictionary = true,
               .pages = parquet::ParquetDataPageVersion::V2},
        Layout{.name = "dictionary_then_plain", .dictionary = true, .dictionary_bytes = 1'000},
        Layout{.name = "delta", .encoding = Encoding::DELTA_BINARY_PACKED},
        Layout{.name = "byte_stream_split", .encoding = Encoding::BYTE_STREAM_SPLIT}),
    NameOf);

TEST(FlatColumn, LeavesOtherColumnsToArrow) {
  const TempDir root;
  WriteParquet(root / "a",
               *TableOf({arrow::field("l", arrow::list(arrow::int64())),
                         arrow::field("b", arrow::boolean()), arrow::field("i", arrow::int16()),
                         arrow::field("t", arrow::time64(arrow::TimeUnit::MICRO)),
                         arrow::field("d", arrow::decimal128(9, 2))},
                        {"[[1]]", "[true]", "[1]", "[1]", R"(["1.00"])"}));
  const auto dataset = OpenDataset({root / "a"});
  const SourceFile& file = dataset->files()[0];
  const auto input = Unwrap(OpenSourceFile(file.path, arrow::default_memory_pool()));
  for (const auto& field : file.footer->manifest.schema_fields) {
    EXPECT_EQ(Unwrap(FlatColumn::Open(input, file, dataset->row_groups()[0], field,
                                      /*keep_dictionary=*/false, RunContext{})),
              nullptr)
        << field.field->ToString();
  }
}

TEST(FlatColumn, ADictionaryIsReadWhereAPageRefersToIt) {
  const TempDir root;
  std::string values = "[0";
  for (int i = 1; i < 1000; ++i) values += ", " + std::to_string(i);
  WriteParquet(root / "a", *TableOf({Int64Field("x")}, {values + "]"}),
               {.dictionary_bytes = 800, .page_rows = 10});
  const auto dataset = OpenDataset({root / "a"});
  const SourceFile& file = dataset->files()[0];
  const auto chunk = file.metadata()->RowGroup(0)->ColumnChunk(0);
  ASSERT_TRUE(chunk->has_dictionary_page());
  std::string bytes = ReadBytes(file.path);
  for (auto i = static_cast<size_t>(chunk->dictionary_page_offset());
       i < static_cast<size_t>(chunk->data_page_offset()); ++i) {
    bytes[i] = '\xFF';
  }
  WriteBytes(file.path, bytes);

  const auto input = Unwrap(OpenSourceFile(file.path, arrow::default_memory_pool()));
  const auto open = [&] {
    return Unwrap(FlatColumn::Open(input, file, dataset->row_groups()[0],
                                   file.footer->manifest.schema_fields[0],
                                   /*keep_dictionary=*/false, RunContext{}));
  };
  const auto plain = open();
  plain->Seek(999);
  const auto last = Unwrap(plain->Read(1));
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*last).Value(0), 999);
  const auto coded = open();
  ExpectError(CatchExceptions([&] { return coded->Read(1).status(); }), StatusCode::IOError, {});
}

TEST(FlatColumn, AFileThatWasCutShortIsAnError) {
  const TempDir root;
  WriteParquet(root / "a", *TableOf({Int64Field("x")}, {"[1, 2, 3]"}));
  const auto dataset = OpenDataset({root / "a"});
  const SourceFile& file = dataset->files()[0];
  WriteBytes(file.path, "PAR1");
  const auto input = Unwrap(OpenSourceFile(file.path, arrow::default_memory_pool()));
  const auto column = FlatColumn::Open(input, file, dataset->row_groups()[0],
                                       file.footer->manifest.schema_fields[0],
                                       /*keep_dictionary=*/false, RunContext{});
  ExpectError(column.status(), StatusCode::IOError, {"'x'", "truncated"});
}

}  // namespace
}  // namespace larder
