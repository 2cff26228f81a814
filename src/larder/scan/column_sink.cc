// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/column_sink.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "larder/scan/take.h"

namespace larder {

using arrow::Array;
using arrow::Result;
using arrow::Status;

Result<std::shared_ptr<Array>> TakeWanted(const FetchedRows& rows, const RunContext& context) {
  const auto count = static_cast<int64_t>(rows.addresses.size());
  if (count == rows.values->length()) return rows.values;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer,
                        arrow::AllocateBuffer(count * int64_t{sizeof(uint32_t)}, context.pool));
  auto* indices = reinterpret_cast<uint32_t*>(buffer->mutable_data());
  for (size_t i = 0; i < rows.addresses.size(); ++i) {
    indices[i] = static_cast<uint32_t>(rows.addresses[i] - rows.first_address);
  }
  return TakeRows(rows.values, arrow::UInt32Array(count, buffer), context);
}

namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

/// Keeps the wanted rows of each batch.
class AddressOrderSink : public ColumnSink {
 public:
  AddressOrderSink(TypePtr type, const RunContext& context)
      : type_(std::move(type)), context_(context) {}

  Status Add(const FetchedRows& rows) override {
    ARROW_ASSIGN_OR_RAISE(auto taken, TakeWanted(rows, context_));
    const std::lock_guard<std::mutex> lock(mutex_);
    pieces_.emplace(rows.first_wanted, std::move(taken));
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::ChunkedArray>> Finish() override {
    return arrow::ChunkedArray::Make(Pieces(), type_);
  }

 protected:
  arrow::ArrayVector Pieces() {
    arrow::ArrayVector pieces;
    for (auto& [first, piece] : pieces_) pieces.push_back(std::move(piece));
    pieces_.clear();
    return pieces;
  }

  TypePtr type_;
  const RunContext& context_;

 private:
  std::mutex mutex_;
  std::map<size_t, std::shared_ptr<Array>> pieces_;  ///< By index of the first wanted row.
};

/// Keeps the wanted rows of each batch, and then takes them in the order of the output.
class TakeSink : public AddressOrderSink {
 public:
  TakeSink(TypePtr type, const RowPlaces& places, int64_t chunk_rows, const RunContext& context)
      : AddressOrderSink(std::move(type), context), places_(places), chunk_rows_(chunk_rows) {}

  Result<std::shared_ptr<arrow::ChunkedArray>> Finish() override {
    ARROW_ASSIGN_OR_RAISE(const auto all, ConcatenateColumn(Pieces(), type_, context_));
    return TakeInChunks(all, places_.choice, type_, chunk_rows_, context_);
  }

 private:
  const RowPlaces& places_;
  int64_t chunk_rows_;
};

/// Writes values of fixed width where they belong.
class ScatterSink : public ColumnSink {
 public:
  static Result<std::unique_ptr<ColumnSink>> Make(TypePtr type, const RowPlaces& places,
                                                  const RunContext& context) {
    auto sink = std::unique_ptr<ScatterSink>(new ScatterSink(std::move(type), places, context));
    const int64_t bytes = places.choice->length() * sink->width_;
    ARROW_ASSIGN_OR_RAISE(sink->values_, arrow::AllocateBuffer(bytes, context.pool));
    std::memset(sink->values_->mutable_data(), 0, static_cast<size_t>(bytes));
    return sink;
  }

  Status Add(const FetchedRows& rows) override {
    switch (width_) {
      case 1:
        ScatterAs<uint8_t>(rows);
        break;
      case 2:
        ScatterAs<uint16_t>(rows);
        break;
      case 4:
        ScatterAs<uint32_t>(rows);
        break;
      case 8:
        ScatterAs<uint64_t>(rows);
        break;
      default:
        ScatterBytes(rows);
    }
    if (rows.values->null_count() > 0) CollectNulls(rows);
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::ChunkedArray>> Finish() override {
    // Columns without nulls of their own share the bitmap of the output rows that have a row.
    const auto& choice = *places_.choice;
    std::shared_ptr<arrow::Buffer> valid = choice.null_bitmap();
    const int64_t nulls = choice.null_count() + static_cast<int64_t>(null_rows_.size());
    if (!null_rows_.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto own, arrow::AllocateEmptyBitmap(choice.length(), context_.pool));
      if (valid != nullptr) {
        std::memcpy(own->mutable_data(), valid->data(),
                    static_cast<size_t>(arrow::bit_util::BytesForBits(choice.length())));
      } else {
        arrow::bit_util::SetBitsTo(own->mutable_data(), 0, choice.length(), true);
      }
      for (const uint32_t row : null_rows_) arrow::bit_util::ClearBit(own->mutable_data(), row);
      valid = std::move(own);
    }
    auto data = arrow::ArrayData::Make(type_, choice.length(), {std::move(valid), values_}, nulls);
    return std::make_shared<arrow::ChunkedArray>(arrow::MakeArray(data));
  }

 private:
  ScatterSink(TypePtr type, const RowPlaces& places, const RunContext& context)
      : type_(std::move(type)), places_(places), context_(context), width_(type_->byte_width()) {}

  const uint8_t* ValuesOf(const FetchedRows& rows) const {
    const auto& data = *rows.values->data();
    return data.buffers[1]->data() + data.offset * width_;
  }

  template <typename Word>
  void ScatterAs(const FetchedRows& rows) {
    const auto* values = reinterpret_cast<const Word*>(ValuesOf(rows));
    auto* out = reinterpret_cast<Word*>(values_->mutable_data());
    // Output rows come in no order: by the time that one is written, it has been fetched.
    constexpr size_t kAhead = 16;
    const auto& order = places_.rows;
    for (size_t i = 0; i < rows.addresses.size(); ++i) {
      const Word value = values[rows.addresses[i] - rows.first_address];
      const size_t end = places_.begin[rows.first_wanted + i + 1];
      for (size_t place = places_.begin[rows.first_wanted + i]; place < end; ++place) {
        __builtin_prefetch(out + order[std::min(place + kAhead, order.size() - 1)], 1);
        out[order[place]] = value;
      }
    }
  }

  void ScatterBytes(const FetchedRows& rows) {
    const auto width = static_cast<size_t>(width_);
    const uint8_t* values = ValuesOf(rows);
    for (size_t i = 0; i < rows.addresses.size(); ++i) {
      const uint8_t* value = values + (rows.addresses[i] - rows.first_address) * width;
      for (const uint32_t row : places_.RowsOf(rows.first_wanted + i)) {
        std::memcpy(values_->mutable_data() + row * width, value, width);
      }
    }
  }

  void CollectNulls(const FetchedRows& rows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < rows.addresses.size(); ++i) {
      if (rows.values->IsValid(static_cast<int64_t>(rows.addresses[i] - rows.first_address))) {
        continue;
      }
      for (const uint32_t row : places_.RowsOf(rows.first_wanted + i)) null_rows_.push_back(row);
    }
  }

  TypePtr type_;
  const RowPlaces& places_;
  const RunContext& context_;
  int32_t width_;
  std::shared_ptr<arrow::Buffer> values_;
  std::mutex mutex_;
  std::vector<uint32_t> null_rows_;  ///< Bits of one byte are not for several threads to write.
};

/// True if values lie one after another in a single buffer, a whole number of bytes each.
bool HasPlainValues(const arrow::DataType& type) {
  return arrow::is_primitive(type.id()) || arrow::is_decimal(type.id()) ||
         type.id() == arrow::Type::FIXED_SIZE_BINARY;
}

}  // namespace

Result<std::unique_ptr<ColumnSink>> MakeAddressOrderSink(const TypePtr& type,
                                                         const RunContext& context) {
  return std::make_unique<AddressOrderSink>(type, context);
}

Result<std::unique_ptr<ColumnSink>> MakeOutputOrderSink(const TypePtr& type,
                                                        const RowPlaces& places, int64_t chunk_rows,
                                                        const RunContext& context) {
  if (type->id() != arrow::Type::BOOL && HasPlainValues(*type) && type->byte_width() > 0) {
    return ScatterSink::Make(type, places, context);
  }
  return std::make_unique<TakeSink>(type, places, chunk_rows, context);
}

}  // namespace larder
