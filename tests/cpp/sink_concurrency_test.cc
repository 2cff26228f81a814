// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "larder/sink/write.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

/// A child process that runs `body` and exits with 0 if it returns OK.
pid_t Spawn(const std::function<arrow::Status()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  const arrow::Status status = body();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  _exit(status.ok() ? 0 : 1);
}

void ExpectSuccess(pid_t child) {
  int state = 0;
  waitpid(child, &state, 0);
  EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

/// Lists and reads again and again until the file `stop` is there: each write must be whole
/// whenever it is seen, and stay once it was seen.
arrow::Status ReadUntil(const std::string& path, const std::string& stop) {
  std::map<std::string, Writes> files;  // Files of a directory never change.
  std::set<int64_t> seen;
  while (!std::filesystem::exists(stop)) {
    Writes writes;
    if (!std::filesystem::exists(path)) continue;
    if (std::filesystem::is_regular_file(path)) {
      ARROW_ASSIGN_OR_RAISE(writes, ReadWrites(path));
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto paths, VisibleFilesUnder(FileOps::Default(), path));
      for (const auto& file : paths) {
        if (!files.contains(file)) ARROW_RETURN_NOT_OK(AddRows(file, &files[file]));
        for (const auto& [write, rows] : files[file]) {
          writes[write].insert(rows.begin(), rows.end());
        }
      }
    }
    ARROW_RETURN_NOT_OK(CheckWhole(writes));
    for (const int64_t write : seen) {
      if (!writes.contains(write)) return arrow::Status::Invalid("write ", write, " is gone");
    }
    for (const auto& [write, rows] : writes) seen.insert(write);
  }
  return arrow::Status::OK();
}

using Write = std::function<arrow::Status(const std::string& path, int64_t number)>;

/// `writers` processes make `each` writes while `readers` look; all must be there in the end.
void RunTogether(const std::string& name, int writers, int each, int readers, const Write& write) {
  TempDir folder;
  const std::string path = folder / name;
  const std::string stop = folder / "stop";
  std::vector<pid_t> reading;
  std::vector<pid_t> writing;
  reading.reserve(static_cast<size_t>(readers));
  writing.reserve(static_cast<size_t>(writers));
  for (int i = 0; i < readers; ++i) {
    reading.push_back(Spawn([&] { return ReadUntil(path, stop); }));
  }
  for (int writer = 0; writer < writers; ++writer) {
    writing.push_back(Spawn([&] {
      for (int i = 0; i < each; ++i) {
        ARROW_RETURN_NOT_OK(write(path, writer * each + i));
      }
      return arrow::Status::OK();
    }));
  }
  for (const pid_t child : writing) ExpectSuccess(child);
  std::fclose(std::fopen(stop.c_str(), "w"));
  for (const pid_t child : reading) ExpectSuccess(child);
  const Writes writes = *ReadWrites(path);
  EXPECT_EQ(writes.size(), static_cast<size_t>(writers * each));
  EXPECT_TRUE(CheckWhole(writes).ok()) << CheckWhole(writes);
  EXPECT_TRUE(Leftovers(folder.path()).empty());
}

arrow::Status Append(const std::string& path, int64_t number, const WriteOptions& options) {
  return AppendToDirectory(path, TestRows(number).get(), options).status();
}

TEST(SinkTogether, AppendsOfOneFile) {
  RunTogether("table", 16, 25 * StressFactor(), 4,
              [](const std::string& path, int64_t number) { return Append(path, number, {}); });
}

TEST(SinkTogether, AppendsToPartitions) {
  RunTogether("table", 16, 15 * StressFactor(), 4, [](const std::string& path, int64_t number) {
    return Append(path, number, Partitioned({}));
  });
}

TEST(SinkTogether, AppendsOfSeveralFilesAndOfOne) {
  RunTogether("table", 8, 15 * StressFactor(), 4, [](const std::string& path, int64_t number) {
    return Append(path, number, number % 2 == 0 ? Sized({}) : WriteOptions{});
  });
}

TEST(SinkTogether, AppendsToASingleFile) {
  RunTogether("data.parquet", 16, 3 * StressFactor(), 4,
              [](const std::string& path, int64_t number) {
                return AppendToFile(path, TestRows(number).get()).status();
              });
}

TEST(SinkTogether, ThreadsOfOneProcess) {
  TempDir folder;
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::atomic<int> done{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      done += Append(folder / "table", i, {}).ok() ? 1 : 0;
      done += Append(folder / "parts", i, Partitioned({})).ok() ? 1 : 0;
      done += AppendToFile(folder / "data.parquet", TestRows(i).get()).ok() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 24);
  for (const char* name : {"table", "parts", "data.parquet"}) {
    EXPECT_EQ(ReadWrites(folder / name)->size(), 8U) << name;
  }
}

TEST(SinkTogether, ReplacedDirectoriesAreOfOneWriter) {
  TempDir folder;
  const std::string path = folder / "out";
  ASSERT_TRUE(WriteDirectory(path, TestRows(0).get(), true, Sized({})).ok());
  std::vector<pid_t> writing;
  writing.reserve(4);
  for (int writer = 0; writer < 4; ++writer) {
    writing.push_back(Spawn([&] {
      for (int i = 0; i < 10 * StressFactor(); ++i) {
        ARROW_RETURN_NOT_OK(WriteDirectory(path, TestRows(writer).get(), true, Sized({})).status());
      }
      return arrow::Status::OK();
    }));
  }
  for (const pid_t child : writing) ExpectSuccess(child);
  const Writes writes = *ReadWrites(path);
  EXPECT_EQ(writes.size(), 1U);
  EXPECT_TRUE(CheckWhole(writes).ok());
  EXPECT_TRUE(Leftovers(folder.path()).empty());
}

}  // namespace
}  // namespace larder
