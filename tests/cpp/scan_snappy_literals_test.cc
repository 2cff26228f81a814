// SPDX-License-Identifier: Apache-2.0
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "larder/scan/snappy_literals.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

std::string Compress(const std::string& bytes) {
  const auto codec = Unwrap(arrow::util::Codec::Create(arrow::Compression::SNAPPY));
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto size = static_cast<int64_t>(bytes.size());
  std::string block(static_cast<size_t>(codec->MaxCompressedLen(size, data)), '\0');
  const int64_t length = Unwrap(codec->Compress(size, data, static_cast<int64_t>(block.size()),
                                                reinterpret_cast<uint8_t*>(block.data())));
  block.resize(static_cast<size_t>(length));
  return block;
}

std::string RandomBytes(size_t count, std::mt19937_64* random) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>((*random)());
  return bytes;
}

/// A block, and which of its bytes have been looked at.
struct Block {
  explicit Block(std::string of) : bytes(std::move(of)) {}

  SnappyLiterals::Load Loader() {
    return [this](int64_t offset, int64_t count) -> arrow::Result<const uint8_t*> {
      EXPECT_GE(offset, 0);
      EXPECT_GE(count, 0);
      EXPECT_LE(offset + count, static_cast<int64_t>(bytes.size()));
      loaded += count;
      return reinterpret_cast<const uint8_t*>(bytes.data()) + offset;
    };
  }
  std::optional<int64_t> Find(SnappyLiterals* literals, int64_t begin, int64_t end) {
    return Unwrap(literals->Find(begin, end, Loader()));
  }
  SnappyLiterals Literals(size_t size) const {
    return {static_cast<int64_t>(bytes.size()), static_cast<int64_t>(size)};
  }

  std::string bytes;
  int64_t loaded = 0;
};

TEST(SnappyLiterals, RandomBytesAreFoundWhereTheyAre) {
  std::mt19937_64 random(5);
  const std::string bytes = RandomBytes(200'000, &random);
  Block block(Compress(bytes));
  auto literals = block.Literals(bytes.size());
  for (const int64_t begin : {150'000, 0, 65'530, 199'996, 7}) {
    const auto offset = block.Find(&literals, begin, begin + 4);
    ASSERT_TRUE(offset.has_value()) << begin;
    EXPECT_EQ(block.bytes.substr(static_cast<size_t>(*offset), 4),
              bytes.substr(static_cast<size_t>(begin), 4));
  }
  EXPECT_LT(block.loaded, 100);  // Tags alone.
  // Where a literal ends, at 64 KiB.
  EXPECT_EQ(block.Find(&literals, 65'534, 65'538), std::nullopt);
  EXPECT_EQ(block.Find(&literals, 199'998, 200'002), std::nullopt);
}

TEST(SnappyLiterals, CopiesAreNotFoundAndLiteralsBehindThemAre) {
  std::mt19937_64 random(5);
  const std::string head = RandomBytes(1'000, &random);
  const std::string tail = RandomBytes(1'000, &random);
  const std::string bytes = head + head + tail + std::string(500, 'x') + head;
  Block block(Compress(bytes));
  auto literals = block.Literals(bytes.size());
  const auto expect = [&](int64_t begin, bool is_literal) {
    const auto offset = block.Find(&literals, begin, begin + 8);
    ASSERT_EQ(offset.has_value(), is_literal) << begin;
    if (!is_literal) return;
    EXPECT_EQ(block.bytes.substr(static_cast<size_t>(*offset), 8),
              bytes.substr(static_cast<size_t>(begin), 8));
  };
  expect(2'500, true);
  expect(500, true);
  expect(1'500, false);
  expect(3'200, false);
  expect(3'900, false);
}

TEST(SnappyLiterals, BlocksOfManyElementsAreGivenUp) {
  std::string bytes;
  std::mt19937_64 random(5);
  for (int i = 0; i < 1'000; ++i) bytes += "constant" + RandomBytes(8, &random);
  Block block(Compress(bytes));
  auto literals = block.Literals(bytes.size());
  EXPECT_EQ(block.Find(&literals, static_cast<int64_t>(bytes.size()) - 4,
                       static_cast<int64_t>(bytes.size())),
            std::nullopt);
  EXPECT_LT(block.loaded, 2'000);
}

/// Nothing outside of the block is looked at (see Loader()), and nothing outside of it is found.
TEST(SnappyLiterals, BrokenBlocksAreNoWayOut) {
  std::mt19937_64 random(5);
  const std::string bytes = RandomBytes(3'000, &random) + std::string(99, 'x');
  const std::string whole = Compress(bytes);
  const auto size = static_cast<int64_t>(bytes.size());
  for (int round = 0; round < 20'000; ++round) {
    Block block(whole);
    if (round % 2 == 0) {
      block.bytes.resize(random() % whole.size());
    } else {
      for (int i = 0; i < 3; ++i) {
        block.bytes[random() % 8] = static_cast<char>(random());
        block.bytes[whole.size() - 1 - random() % 20] = static_cast<char>(random());
      }
    }
    auto literals = block.Literals(bytes.size());
    for (int i = 0; i < 4; ++i) {
      const auto begin = static_cast<int64_t>(random() % bytes.size());
      const int64_t end = std::min(begin + static_cast<int64_t>(random() % 9), size);
      const auto offset = block.Find(&literals, begin, end);
      if (!offset) continue;
      ASSERT_GE(*offset, 0);
      ASSERT_LE(*offset + end - begin, static_cast<int64_t>(block.bytes.size()));
    }
  }
}

}  // namespace
}  // namespace larder
