// SPDX-License-Identifier: Apache-2.0
// The kernels of the point-in-time join one by one, on rows at random: what a change to one of
// them is worth, without Parquet, Feast and Python around it. Times are for one row.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "larder/kernel/candidate.h"
#include "larder/kernel/key_index.h"
#include "larder/kernel/timeline.h"
#include "larder/scan/column_sink.h"

namespace larder {
namespace {

constexpr int64_t kKeys = 200'000;
constexpr int64_t kBatchRows = 65536;
constexpr int64_t kLastTime = int64_t{90} * 24 * 3600 * 1'000'000;

using ArrayPtr = std::shared_ptr<arrow::Array>;

/// The value; the program ends if there is none.
template <typename T>
T Unwrap(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

void Check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

std::vector<int64_t> Integers(int64_t rows, int64_t end, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int64_t> below(0, end - 1);
  std::vector<int64_t> values(static_cast<size_t>(rows));
  std::generate(values.begin(), values.end(), [&] { return below(random); });
  return values;
}

/// How keys are told apart.
enum class KeyKind : int64_t {
  kClose,   ///< Integers that lie close together: slots by distance.
  kFar,     ///< Integers that do not: a hash table.
  kString,  ///< A hash table of bytes.
};

ArrayPtr Keys(KeyKind kind, int64_t rows, unsigned seed) {
  constexpr int64_t kFarApart = 1'000'003;
  const auto numbers = Integers(rows, kKeys, seed);
  if (kind == KeyKind::kString) {
    arrow::StringBuilder builder;
    for (const int64_t number : numbers) Check(builder.Append("user-" + std::to_string(number)));
    return Unwrap(builder.Finish());
  }
  arrow::Int64Builder builder;
  for (const int64_t number : numbers) {
    Check(builder.Append(kind == KeyKind::kClose ? number : number * kFarApart));
  }
  return Unwrap(builder.Finish());
}

ArrayPtr Times(int64_t rows, unsigned seed) {
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                  arrow::default_memory_pool());
  Check(builder.AppendValues(Integers(rows, kLastTime, seed)));
  return Unwrap(builder.Finish());
}

std::shared_ptr<arrow::Table> EntityRows(KeyKind kind, int64_t rows) {
  const auto keys = Keys(kind, rows, 1);
  const auto times = Times(rows, 2);
  return arrow::Table::Make(
      arrow::schema({arrow::field("key", keys->type()), arrow::field("time", times->type())}),
      {keys, times});
}

void PerRow(benchmark::State& state, int64_t rows) {
  state.SetItemsProcessed(state.iterations() * rows);
  state.counters["row"] =
      benchmark::Counter(static_cast<double>(state.iterations() * rows),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Arguments: the kind of keys.
void FindSlots(benchmark::State& state) {
  const auto kind = static_cast<KeyKind>(state.range(0));
  const RunContext context;
  const auto entity_rows = EntityRows(kind, 1'000'000);
  PoolVector<Slot> slots(context.pool);
  const auto index =
      Unwrap(KeyIndex::Build(*Unwrap(entity_rows->SelectColumns({0})), context, &slots));
  std::vector<ArrayPtr> batches;
  for (unsigned seed = 10; seed < 20; ++seed) batches.push_back(Keys(kind, kBatchRows, seed));
  SlotFinder finder(index, context.pool);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Unwrap(finder.Find({batches[next++ % batches.size()]})));
  }
  PerRow(state, kBatchRows);
}
BENCHMARK(FindSlots)
    ->ArgName("keys")
    ->Arg(static_cast<int64_t>(KeyKind::kClose))
    ->Arg(static_cast<int64_t>(KeyKind::kFar))
    ->Arg(static_cast<int64_t>(KeyKind::kString));

/// Arguments: the kind of keys, entity rows.
void BuildTimeline(benchmark::State& state) {
  const RunContext context;
  const auto entity_rows = EntityRows(static_cast<KeyKind>(state.range(0)), state.range(1));
  for (auto _ : state) {
    benchmark::DoNotOptimize(Unwrap(Timeline::Build(*entity_rows, {"key"}, "time", context)));
  }
  PerRow(state, state.range(1));
}
BENCHMARK(BuildTimeline)
    ->ArgNames({"keys", "rows"})
    ->ArgsProduct({{0, 1, 2}, {100'000, 1'000'000}})
    ->Unit(benchmark::kMillisecond);

/// Arguments: positions, if rows have created timestamps, if threads share the table.
void RaiseCandidates(benchmark::State& state) {
  const int64_t positions = state.range(0);
  const bool has_created = state.range(1) != 0;
  CandidateTable table(static_cast<size_t>(positions), has_created, state.range(2) != 0,
                       arrow::default_memory_pool());
  const auto at = Integers(1 << 20, positions, 3);
  int64_t event = 0;
  for (auto _ : state) {
    // Ever later ones, as in a file in the order of time: each of them wins.
    for (size_t i = 0; i < at.size(); ++i) {
      table.Prefetch(static_cast<size_t>(at[(i + 64) % at.size()]));
      ++event;
      table.Raise(static_cast<size_t>(at[i]), has_created ? Candidate::WithCreated(event, event, i)
                                                          : Candidate::WithoutCreated(event, i));
    }
  }
  PerRow(state, static_cast<int64_t>(at.size()));
}
BENCHMARK(RaiseCandidates)
    ->ArgNames({"positions", "created", "shared"})
    ->ArgsProduct({{10'000, 1'000'000}, {0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

/// Arguments: output rows, each the winner of its own row at a random place.
void ScatterFloats(benchmark::State& state) {
  const auto rows = static_cast<size_t>(state.range(0));
  const RunContext context;
  RowPlaces places(context.pool);
  places.rows.resize(rows);
  places.begin.resize(rows + 1);
  std::vector<uint64_t> addresses(rows);
  arrow::UInt32Builder choice;
  arrow::FloatBuilder values;
  for (size_t i = 0; i < rows; ++i) {
    places.rows[i] = static_cast<uint32_t>(i);
    places.begin[i + 1] = static_cast<uint32_t>(i + 1);
    addresses[i] = i;
    Check(values.Append(static_cast<float>(i)));
  }
  std::shuffle(places.rows.begin(), places.rows.end(), std::mt19937(4));
  std::vector<uint32_t> winners(rows);
  for (size_t i = 0; i < rows; ++i) winners[places.rows[i]] = static_cast<uint32_t>(i);
  Check(choice.AppendValues(winners));
  places.choice = std::static_pointer_cast<arrow::UInt32Array>(Unwrap(choice.Finish()));
  const auto source = Unwrap(values.Finish());
  for (auto _ : state) {
    const auto sink =
        Unwrap(MakeOutputOrderSink(arrow::float32(), places, state.range(0), context));
    Check(sink->Add({source, 0, addresses, 0}));
    benchmark::DoNotOptimize(Unwrap(sink->Finish()));
  }
  PerRow(state, state.range(0));
}
BENCHMARK(ScatterFloats)
    ->ArgName("rows")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace larder
