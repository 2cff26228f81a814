// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "larder/io/fail_point.h"
#include "larder/sink/fail_points.h"
#include "larder/sink/write.h"
#include "tests/cpp/io_faulty_syscalls.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

/// Kills the process when the point is passed for the `passes`-th time.
fail_point::Action KillAt(int passes) {
  auto left = std::make_shared<int>(passes);
  return [left] { return --*left > 0 ? arrow::Status::OK() : fail_point::KillProcess()(); };
}

/// Runs `body` in a child process; true if it was killed.
bool KilledInChild(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int state = 0;
  waitpid(child, &state, 0);
  return WIFSIGNALED(state);
}

TEST(SinkKill, AtEveryFailPoint) {
  std::map<std::string, int> kills;
  for (const auto& scenario : AllScenarios()) {
    for (const char* point : kSinkFailPoints) {
      for (int passes = 1; passes <= 3; ++passes) {
        SCOPED_TRACE(scenario.name + " at " + point + ", pass " + std::to_string(passes));
        TempDir folder;
        const std::string path = folder / scenario.place;
        if (scenario.first_exists) {
          ASSERT_TRUE(scenario.run(path, 1, {}).ok());
        }
        const bool killed = KilledInChild([&] {
          fail_point::Arm(point, KillAt(passes));
          ARROW_UNUSED(scenario.run(path, 2, {}));
        });
        if (!killed) break;
        ++kills[point];
        const arrow::Status seen = CheckScenario(scenario, path, false);
        ASSERT_TRUE(seen.ok()) << seen;
        const arrow::Status recovered = CheckRecovery(scenario, folder.path());
        ASSERT_TRUE(recovered.ok()) << recovered;
      }
    }
  }
  for (const char* point : kSinkFailPoints) {
    if (point == kFailMovedAside) continue;  // Below.
    EXPECT_GT(kills[point], 0) << point;
  }
}

TEST(SinkKill, BetweenTheTwoStepsThatReplaceADirectory) {
  TempDir folder;
  const std::string path = folder / "out";
  ASSERT_TRUE(WriteDirectory(path, TestRows(1).get(), true).ok());
  const bool killed = KilledInChild([&] {
    FaultySyscalls syscalls;
    syscalls.ForbidExchange();
    FileOps ops(&syscalls);
    WriteOptions options;
    options.ops = &ops;
    fail_point::Arm(kFailMovedAside, fail_point::KillProcess());
    ARROW_UNUSED(WriteDirectory(path, TestRows(2).get(), true, options));
  });
  ASSERT_TRUE(killed);
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(CleanLeftovers(folder.path()).ok());
  EXPECT_TRUE(Leftovers(folder.path()).empty());
  const Writes writes = *ReadWrites(path);
  EXPECT_TRUE(CheckWhole(writes).ok());
  EXPECT_TRUE(writes.contains(1));
}

TEST(SinkKill, CommittedWriteIsPublishedByTheCleaner) {
  TempDir folder;
  const std::string path = folder / "table";
  const bool killed = KilledInChild([&] {
    fail_point::Arm(kFailOnePublished, fail_point::KillProcess());
    ARROW_UNUSED(AppendToDirectory(path, TestRows(1).get(), Partitioned({})));
  });
  ASSERT_TRUE(killed);
  EXPECT_TRUE(ReadWrites(path)->empty());
  ASSERT_TRUE(CleanLeftovers(path).ok());
  EXPECT_TRUE(Leftovers(folder.path()).empty());
  EXPECT_TRUE(ReadWrites(path)->contains(1));
  EXPECT_TRUE(CheckWhole(*ReadWrites(path)).ok());
}

/// A child that goes on writing to several places until it is killed, and says through a pipe
/// what is done.
class KilledWriter {
 public:
  explicit KilledWriter(std::string folder) : folder_(std::move(folder)) {}

  /// One life: from write number `next` on, killed after `life`; the number after the last that
  /// may have been begun.
  int64_t Live(int64_t next, std::chrono::microseconds life) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      for (int64_t write = next;; ++write) {
        const Scenario& scenario = ScenarioOf(write);
        const arrow::Status status = scenario.run(PathOf(write), write, {});
        if (!status.ok()) PrintAndExit(status.ToString());
        if (::write(ends[1], &write, sizeof(write)) != sizeof(write)) _exit(1);
      }
    }
    close(ends[1]);
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
    int state = 0;
    waitpid(child, &state, 0);
    EXPECT_TRUE(WIFSIGNALED(state));
    int64_t done = 0;
    while (read(ends[0], &done, sizeof(done)) == sizeof(done)) {
      acknowledged_[PathOf(done)].insert(done);
      next = done + 1;
    }
    close(ends[0]);
    return next + 1;
  }

  void Check() {
    for (const auto& [path, numbers] : acknowledged_) {
      const auto writes = ReadWrites(path);
      ASSERT_TRUE(writes.ok()) << writes.status();
      ASSERT_TRUE(CheckWhole(*writes).ok()) << CheckWhole(*writes) << " in " << path;
      const bool adds = ScenarioOf(*numbers.begin()).effect == Scenario::Effect::kAdds;
      if (adds) {
        for (const int64_t write : numbers) {
          ASSERT_TRUE(writes->contains(write)) << write << " is lost in " << path;
        }
      } else {
        ASSERT_EQ(writes->size(), 1U) << path;
        ASSERT_GE(writes->begin()->first, *numbers.rbegin()) << path;
      }
    }
  }

  size_t acknowledged() const {
    size_t count = 0;
    for (const auto& [path, numbers] : acknowledged_) count += numbers.size();
    return count;
  }

  void CleanAll() {
    std::vector<std::string> directories;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.is_directory()) directories.push_back(entry.path().string());
    }
    for (const auto& directory : directories) ASSERT_TRUE(CleanLeftovers(directory).ok());
    EXPECT_EQ(Leftovers(folder_), std::vector<std::string>());
  }

 private:
  static void PrintAndExit(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    _exit(1);
  }
  const Scenario& ScenarioOf(int64_t write) const {
    return scenarios_[static_cast<size_t>(write) % scenarios_.size()];
  }
  std::string PathOf(int64_t write) const {
    const Scenario& scenario = ScenarioOf(write);
    return folder_ + "/" + scenario.name + ".d/" + scenario.place;
  }

  std::string folder_;
  std::vector<Scenario> scenarios_ = AllScenarios();
  std::map<std::string, std::set<int64_t>> acknowledged_;
};

TEST(SinkKill, AtRandomMoments) {
  constexpr int kTables = 10;
  constexpr int kKillsPerTable = 20;
  std::mt19937 random(20240229);
  size_t acknowledged = 0;
  for (int table = 0; table < kTables * StressFactor(); ++table) {
    TempDir folder;
    KilledWriter writer(folder.path());
    int64_t next = 10;
    for (int i = 0; i < kKillsPerTable; ++i) {
      next = writer.Live(next, std::chrono::microseconds(2000 + random() % 20000));
      writer.Check();
      if (HasFatalFailure()) return;
    }
    writer.CleanAll();
    writer.Check();
    if (HasFatalFailure()) return;
    acknowledged += writer.acknowledged();
  }
  EXPECT_GT(acknowledged, 0U);
}

}  // namespace
}  // namespace larder
