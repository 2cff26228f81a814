// SPDX-License-Identifier: Apache-2.0
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "larder/source/schema_union.h"
#include "larder/source/type_union.h"

namespace larder {
namespace {

using arrow::binary;
using arrow::date32;
using arrow::decimal128;
using arrow::dictionary;
using arrow::field;
using arrow::float32;
using arrow::float64;
using arrow::int16;
using arrow::int32;
using arrow::int64;
using arrow::int8;
using arrow::large_binary;
using arrow::large_list;
using arrow::large_utf8;
using arrow::list;
using arrow::map;
using arrow::struct_;
using arrow::timestamp;
using arrow::TimeUnit;
using arrow::uint16;
using arrow::uint32;
using arrow::uint64;
using arrow::uint8;
using arrow::utf8;

using TypePtr = std::shared_ptr<arrow::DataType>;

struct Union {
  TypePtr a;
  TypePtr b;
  TypePtr both;  ///< None if there is none.
};

std::string Name(const TypePtr& type) { return type == nullptr ? "none" : type->ToString(); }

void ExpectUnions(const std::vector<Union>& unions) {
  for (const auto& [a, b, both] : unions) {
    EXPECT_EQ(Name(UnifyTypes(a, b)), Name(both)) << Name(a) << " and " << Name(b);
    EXPECT_EQ(Name(UnifyTypes(b, a)), Name(both)) << Name(b) << " and " << Name(a);
  }
}

TEST(UnifyTypes, Numbers) {
  ExpectUnions({{int8(), int64(), int64()},
                {uint8(), uint64(), uint64()},
                {int8(), uint8(), int16()},
                {int8(), uint16(), int32()},
                {int16(), uint8(), int16()},
                {int32(), uint32(), int64()},
                {int64(), uint32(), int64()},
                {int64(), uint64(), nullptr},
                {int8(), uint64(), nullptr},
                {arrow::float16(), float32(), float32()},
                {float32(), float64(), float64()},
                {int8(), float32(), float64()},
                {uint64(), arrow::float16(), float64()},
                {int64(), float64(), float64()},
                {decimal128(5, 2), decimal128(20, 2), decimal128(20, 2)},
                {decimal128(5, 2), arrow::decimal256(50, 2), arrow::decimal256(50, 2)},
                {arrow::decimal32(5, 2), arrow::decimal64(15, 2), decimal128(15, 2)},
                {decimal128(5, 2), decimal128(5, 3), nullptr},
                {decimal128(5, 0), int64(), nullptr},
                {decimal128(5, 2), float64(), nullptr},
                {arrow::boolean(), int8(), nullptr}});
}

TEST(UnifyTypes, TextAndBytes) {
  ExpectUnions({{utf8(), large_utf8(), large_utf8()},
                {utf8(), arrow::utf8_view(), large_utf8()},
                {binary(), large_binary(), large_binary()},
                {binary(), arrow::fixed_size_binary(4), large_binary()},
                {arrow::fixed_size_binary(3), arrow::fixed_size_binary(4), large_binary()},
                {binary(), arrow::binary_view(), large_binary()},
                {utf8(), binary(), nullptr},
                {utf8(), int64(), nullptr},
                {utf8(), timestamp(TimeUnit::MICRO), nullptr},
                {utf8(), date32(), nullptr}});
}

TEST(UnifyTypes, Times) {
  const auto ms = timestamp(TimeUnit::MILLI);
  const auto ns_utc = timestamp(TimeUnit::NANO, "UTC");
  const auto us_paris = timestamp(TimeUnit::MICRO, "Europe/Paris");
  const auto ms_paris = timestamp(TimeUnit::MILLI, "Europe/Paris");
  ExpectUnions({{ms, timestamp(TimeUnit::NANO), timestamp(TimeUnit::NANO)},
                {ms_paris, us_paris, us_paris},
                {ms, us_paris, timestamp(TimeUnit::MICRO, "UTC")},
                {ns_utc, us_paris, ns_utc},
                {ms, ns_utc, ns_utc},
                {ms, timestamp(TimeUnit::MILLI, "+01:00"), timestamp(TimeUnit::MILLI, "UTC")},
                {date32(), arrow::date64(), date32()},
                {date32(), ms, nullptr},
                {int64(), ms, nullptr},
                {int32(), date32(), nullptr},
                {arrow::duration(TimeUnit::MILLI), int64(), nullptr},
                {arrow::time32(TimeUnit::MILLI), ms, nullptr}});
}

TEST(UnifyTypes, NullGoesWithAnything) {
  for (const auto& type : std::vector<TypePtr>{arrow::null(), int8(), utf8(), list(int64()),
                                               dictionary(int8(), utf8()), map(utf8(), int8())}) {
    ExpectUnions({{arrow::null(), type, type}, {type, type, type}});
  }
  ExpectUnions({{list(arrow::null()), list(int64()), list(int64())}});
}

TEST(UnifyTypes, Dictionaries) {
  ExpectUnions(
      {{dictionary(int8(), utf8()), utf8(), utf8()},
       {dictionary(int8(), utf8()), large_utf8(), large_utf8()},
       {dictionary(int8(), utf8()), dictionary(int32(), utf8()), dictionary(int32(), utf8())},
       {dictionary(int8(), utf8()), dictionary(uint8(), utf8()), dictionary(int16(), utf8())},
       {dictionary(int8(), utf8()), dictionary(int8(), large_utf8()),
        dictionary(int8(), large_utf8())},
       {dictionary(int64(), utf8()), dictionary(uint64(), utf8()), utf8()},
       {dictionary(int8(), utf8()), dictionary(int8(), int64()), nullptr},
       {dictionary(int8(), utf8()), int64(), nullptr}});
}

TEST(UnifyTypes, NestedTypesByTheirParts) {
  const auto a = field("a", int32());
  const auto b = field("b", utf8());
  const auto required = field("a", int32(), /*nullable=*/false);
  ExpectUnions(
      {{list(int32()), list(float32()), list(float64())},
       {list(int32()), large_list(int64()), large_list(int64())},
       {list(int32()), arrow::large_list_view(int64()), large_list(int64())},
       {arrow::list_view(int32()), list(int32()), list(int32())},
       {arrow::fixed_size_list(int8(), 2), arrow::fixed_size_list(int8(), 3), list(int8())},
       {list(utf8()), list(int8()), nullptr},
       {list(list(int8())), list(list(int16())), list(list(int16()))},
       {list(field("item", int8(), false)), list(int16()), list(int16())},
       {map(utf8(), int8()), map(large_utf8(), int64()), map(large_utf8(), int64())},
       {map(utf8(), int8()), map(int8(), int8()), nullptr},
       {struct_({a}), struct_({required}), struct_({a})},
       {struct_({a}), struct_({field("a", utf8())}), nullptr},
       {struct_({field("a", list(int8()))}), struct_({field("a", list(int64()))}),
        struct_({field("a", list(int64()))})},
       {struct_({a}), list(int32()), nullptr},
       {struct_({a}), map(utf8(), int32()), nullptr},
       {struct_({a, field("a", int64())}), struct_({a}), nullptr},
       {list(int8()), int8(), nullptr}});
  EXPECT_EQ(Name(UnifyTypes(struct_({a}), struct_({b}))), Name(struct_({a, b})));
  EXPECT_EQ(Name(UnifyTypes(struct_({b, required}), struct_({a}))), Name(struct_({b, a})));
}

FileSchema File(std::string path, arrow::FieldVector fields,
                std::vector<PartitionValue> partitions = {}) {
  return {std::move(path), arrow::schema(std::move(fields)), std::move(partitions)};
}

UnifiedSchema Unify(const std::vector<FileSchema>& files) {
  auto unified = UnifySchemas(files);
  EXPECT_TRUE(unified.ok()) << unified.status();
  return unified.ok() ? *unified : UnifiedSchema{arrow::schema({}), {}};
}

std::string Fields(const UnifiedSchema& unified) {
  std::string text;
  for (const auto& column : unified.schema->fields()) {
    text += (text.empty() ? "" : ", ") + column->ToString();
  }
  return text;
}

void ExpectConflict(const std::vector<FileSchema>& files, const std::string& message) {
  const auto unified = UnifySchemas(files);
  ASSERT_FALSE(unified.ok()) << Fields(*unified);
  EXPECT_TRUE(unified.status().IsInvalid()) << unified.status();
  EXPECT_EQ(unified.status().message(), message);
}

TEST(UnifySchemas, ColumnsInOrderOfFirstAppearance) {
  const auto unified = Unify({File("1", {field("b", int32()), field("a", utf8())}),
                              File("2", {field("b", int32()), field("a", utf8())}),
                              File("3", {field("c", float32()), field("a", utf8())}),
                              File("4", {field("a", large_utf8()), field("b", int64())})});
  EXPECT_EQ(Fields(unified), "b: int64, a: large_string, c: float");
  EXPECT_TRUE(unified.partition_columns.empty());
  EXPECT_EQ(Unify({}).schema->num_fields(), 0);
  EXPECT_EQ(Unify({File("1", {})}).schema->num_fields(), 0);
}

TEST(UnifySchemas, FieldsAreNullableAndWithoutMetadata) {
  const auto metadata = arrow::key_value_metadata({"PARQUET:field_id"}, {"1"});
  auto file = File("1", {field("a", int32(), /*nullable=*/false, metadata)});
  file.schema = file.schema->WithMetadata(arrow::key_value_metadata({"pandas"}, {"{}"}));
  const auto unified = Unify({file, File("2", {field("a", int32())})});
  EXPECT_TRUE(unified.schema->Equals(*arrow::schema({field("a", int32())}), true));
  EXPECT_FALSE(unified.schema->HasMetadata());
}

TEST(UnifySchemas, ConflictsNameColumnTypesAndFiles) {
  ExpectConflict({File("A", {field("x", int64())}), File("B", {field("x", utf8())})},
                 "column 'x' is int64 in 'A' but string in 'B'");
  // The file that is at odds, not the one that came last before it.
  ExpectConflict({File("A", {field("x", int8())}), File("B", {field("x", uint8())}),
                  File("C", {field("x", uint64())})},
                 "column 'x' is int8 in 'A' but uint64 in 'C'");
  ExpectConflict({File("A", {field("x", int8())}), File("B", {field("x", float32())}),
                  File("C", {field("y", utf8())}), File("D", {field("x", utf8())})},
                 "column 'x' is int8 in 'A' but string in 'D'");
  ExpectConflict({File("A", {field("x", list(int8()))}), File("B", {field("x", list(utf8()))})},
                 "column 'x' is list<item: int8> in 'A' but list<item: string> in 'B'");
}

TEST(UnifySchemas, ColumnsOfOneNameStayApart) {
  const auto x = field("x", int32());
  EXPECT_EQ(Fields(Unify({File("1", {x, field("y", utf8()), field("x", utf8())})})),
            "x: int32, y: string, x: string");
  EXPECT_EQ(Fields(Unify({File("1", {x}), File("2", {x, x}), File("3", {x})})),
            "x: int32, x: int32");
}

TEST(UnifySchemas, PartitionColumns) {
  const auto type_of = [](const std::vector<std::optional<std::string>>& values) {
    std::vector<FileSchema> files;
    files.reserve(values.size());
    for (const auto& value : values) files.push_back(File("f", {}, {{"k", value}}));
    const auto unified = Unify(files);
    EXPECT_EQ(unified.partition_columns, std::vector<std::string>{"k"});
    return Name(unified.schema->field(0)->type());
  };
  EXPECT_EQ(type_of({"1", "-2", std::nullopt, "0"}), "int64");
  EXPECT_EQ(type_of({"9223372036854775807", "-9223372036854775808"}), "int64");
  EXPECT_EQ(type_of({std::nullopt}), "string");
  EXPECT_EQ(type_of({std::nullopt, "1"}), "int64");
  for (const char* text : {"01", "-0", "+1", " 1", "1 ", "", "1.0", "1e3", "9223372036854775808",
                           "2024-01-01", "true", "-", "0x1"}) {
    EXPECT_EQ(type_of({"1", text}), "string") << text;
    EXPECT_EQ(type_of({text, "1"}), "string") << text;
  }
}

TEST(UnifySchemas, PartitionColumnsComeLast) {
  const auto a = field("a", utf8());
  const auto unified = Unify({File("1", {a}, {{"y", "2024"}, {"m", "x"}}),
                              File("2", {a, field("b", int8())}, {{"z", "1"}, {"y", "2025"}})});
  EXPECT_EQ(Fields(unified), "a: string, b: int8, y: int64, m: string, z: int64");
  EXPECT_EQ(unified.partition_columns, (std::vector<std::string>{"y", "m", "z"}));
}

TEST(UnifySchemas, FoldersCountMoreThanFiles) {
  const auto a = field("a", utf8());
  const auto unified = Unify({File("1", {field("k", utf8()), a}, {{"k", "1"}}),
                              File("2", {field("k", date32()), a}, {{"k", "2"}})});
  EXPECT_EQ(Fields(unified), "a: string, k: int64");
  EXPECT_EQ(unified.partition_columns, std::vector<std::string>{"k"});
}

TEST(UnifySchemas, FilesWithTheColumnBesideFoldersForIt) {
  const auto with_folder = [](const std::string& value) {
    return File("A", {field("a", utf8())}, {{"k", value}});
  };
  const auto with_column = [](TypePtr type) {
    return File("B", {field("a", utf8()), field("k", std::move(type))});
  };
  const auto type_of = [&](const std::string& value, const TypePtr& type) {
    return Name(Unify({with_folder(value), with_column(type)}).schema->field(1)->type());
  };
  EXPECT_EQ(type_of("1", int32()), "int64");
  EXPECT_EQ(type_of("1", arrow::null()), "int64");
  EXPECT_EQ(type_of("x", utf8()), "string");
  EXPECT_EQ(type_of("x", large_utf8()), "large_string");
  EXPECT_EQ(type_of("x", dictionary(int8(), utf8())), "string");
  ExpectConflict({with_folder("1"), with_column(utf8())},
                 "column 'k' is int64 in the folders of 'A' but string in 'B'");
  ExpectConflict({with_folder("x"), with_column(int64())},
                 "column 'k' is string in the folders of 'A' but int64 in 'B'");
  ExpectConflict({with_folder("2024-01-01"), with_column(date32())},
                 "column 'k' is string in the folders of 'A' but date32[day] in 'B'");
  ExpectConflict({with_folder("1"), with_column(float64())},
                 "column 'k' is int64 in the folders of 'A' but double in 'B'");
  ExpectConflict({with_folder("1"), with_column(uint64())},
                 "column 'k' is int64 in the folders of 'A' but uint64 in 'B'");
  // The folder that tells the type is named.
  auto second = with_folder("x");
  second.path = "A2";
  ExpectConflict({with_folder("1"), second, with_column(int64())},
                 "column 'k' is string in the folders of 'A2' but int64 in 'B'");
}

TEST(UnifySchemas, ManyFiles) {
  arrow::FieldVector fields;
  for (int i = 0; i < 200; ++i) fields.push_back(field("f" + std::to_string(i), float64()));
  constexpr int kFiles = 10'000;
  std::vector<FileSchema> files;
  files.reserve(kFiles);
  for (int i = 0; i < kFiles; ++i) {
    files.push_back(File(std::to_string(i), fields, {{"day", std::to_string(i)}}));
  }
  EXPECT_EQ(Unify(files).schema->num_fields(), 201);
}

}  // namespace
}  // namespace larder
