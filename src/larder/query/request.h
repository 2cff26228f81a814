// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/util/cancel.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "larder/source/source_spec.h"

// What the engine can be asked, as plain values. Names of columns are those in the source's
// files (hive partition columns included) unless said otherwise. Naive times are UTC.

namespace larder {

/// One column of a join key: `column` of the source equals `entity_column` of the entity rows.
struct JoinKeySpec {
  std::string column;
  std::string entity_column;
};

/// A feature: `column` of the source, called `name` in the answer.
struct FeatureSpec {
  std::string column;
  std::string name;
};

struct FeatureViewSpec {
  std::string name;  ///< For errors and statistics.
  SourceSpec source;
  std::vector<JoinKeySpec> join_keys;  ///< Empty: every row belongs to every entity.
  std::string event_timestamp;
  std::vector<FeatureSpec> features;
  std::optional<std::string> created_timestamp;
  std::optional<int64_t> ttl_us;  ///< Microseconds; none or 0 = unlimited.
};

/// How to run, whatever is asked. No setting changes an answer.
struct RunOptions {
  int threads = 0;                   ///< 0 = one per core of this process.
  int64_t memory_limit = 0;          ///< Bytes for all that the engine allocates; 0 = no limit.
  int64_t rows_in_memory = 0;        ///< Rows to work on at a time; 0 = what memory has room for.
  std::string spill_directory = {};  ///< Of temporary files; empty = the system's.
  int64_t batch_rows = 65536;        ///< Rows to a batch of a scan.
  int key_hash_bits = 64;       ///< Bits of a key's hash that are used; fewer means collisions.
  bool diagnose_nulls = false;  ///< Read what a TTL rules out, to tell expired from absent rows.
  /// Only find out what would be read: the answer has no rows, its statistics are the plan.
  bool plan_only = false;
  arrow::StopToken stop = arrow::StopToken::Unstoppable();  ///< Asked between batches.
};

struct PointInTimeRequest {
  std::string event_timestamp;  ///< Column of the entity rows: timestamp, date or ISO-8601 string.
  std::vector<FeatureViewSpec> views;
  /// A row counts only if it was created at or before the entity row's time as well; a null
  /// created timestamp never counts. Views without a created timestamp are not affected.
  bool filter_by_created_timestamp = false;
};

struct LatestRequest {
  SourceSpec source;
  std::vector<std::string> join_keys;  ///< Empty: one row, the newest of all.
  std::vector<std::string> columns;    ///< Of the answer, in order.
  std::string event_timestamp;
  std::optional<std::string> created_timestamp;
  std::optional<int64_t> start_us;  ///< Microseconds since 1970 UTC, inclusive; none = open.
  std::optional<int64_t> end_us;
};

struct RangeRequest {
  SourceSpec source;
  std::optional<std::vector<std::string>> columns;  ///< None = all.
  std::string event_timestamp;
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;
};

}  // namespace larder
