// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "larder/io/file_ops.h"
#include "larder/sink/write.h"
#include "tests/cpp/io_faulty_syscalls.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

using Fault = FaultySyscalls::Fault;

struct Trouble {
  std::string name;
  Fault fault;
  enum class Effect { kNone, kFailure, kEither } effect;  ///< On the status of the write.
};

std::vector<Trouble> AllTroubles() {
  using Effect = Trouble::Effect;
  const std::set<Call> growing = {Call::kWrite, Call::kOpen, Call::kMkdir, Call::kMove};
  return {
      // Either: what removes leftovers may fail without harm.
      {"EIO", {.errnum = EIO}, Effect::kEither},
      {"EIO_for_good", {.errnum = EIO, .stays = true}, Effect::kEither},
      {"EIO_of_fsync", {.errnum = EIO, .calls = {Call::kFsync}}, Effect::kFailure},
      {"ENOSPC", {.errnum = ENOSPC, .stays = true, .calls = growing}, Effect::kEither},
      {"ENOSPC_of_write", {.errnum = ENOSPC, .calls = {Call::kWrite}}, Effect::kFailure},
      {"EDQUOT", {.errnum = EDQUOT, .stays = true, .calls = growing}, Effect::kEither},
      {"EMFILE", {.errnum = EMFILE, .calls = {Call::kOpen, Call::kList}}, Effect::kEither},
      {"EINTR", {.errnum = EINTR}, Effect::kNone},
      {"short_write", {.errnum = 0, .calls = {Call::kWrite}}, Effect::kNone},
  };
}

/// Tries the write with the fault at the N-th call; false once there is no N-th call.
void TryAt(const Scenario& scenario, const Trouble& trouble, int64_t at, bool exchange,
           bool* fired) {
  SCOPED_TRACE(scenario.name + ", " + trouble.name + " at call " + std::to_string(at));
  TempDir folder;
  const std::string path = folder / scenario.place;
  if (scenario.first_exists) {
    ASSERT_TRUE(scenario.run(path, 1, {}).ok());
  }
  Fault fault = trouble.fault;
  fault.at = at;
  FaultySyscalls syscalls(fault);
  if (!exchange) syscalls.ForbidExchange();
  FileOps ops(&syscalls);
  WriteOptions options;
  options.ops = &ops;
  const arrow::Status status = scenario.run(path, 2, options);
  *fired = syscalls.fired();
  if (trouble.effect == Trouble::Effect::kNone || !*fired) {
    ASSERT_TRUE(status.ok()) << status;
  } else if (trouble.effect == Trouble::Effect::kFailure) {
    ASSERT_FALSE(status.ok());
  }
  if (!status.ok()) {
    EXPECT_NE(status.message().find(folder.path()), std::string::npos) << status;
  }
  // In two steps the directory may be away when even the way back fails.
  const bool may_be_away = !exchange && trouble.fault.stays && !status.ok();
  if (!may_be_away) {
    const arrow::Status seen = CheckScenario(scenario, path, status.ok());
    ASSERT_TRUE(seen.ok()) << seen << " after " << status;
  }
  const arrow::Status recovered = CheckRecovery(scenario, folder.path());
  ASSERT_TRUE(recovered.ok()) << recovered << " after " << status;
}

class SinkFaults : public testing::TestWithParam<size_t> {};

TEST_P(SinkFaults, NthCallFails) {
  const Scenario scenario = AllScenarios()[GetParam()];
  const bool swaps = scenario.name == "write_directory";
  for (const bool exchange : swaps ? std::vector<bool>{true, false} : std::vector<bool>{true}) {
    for (const auto& trouble : AllTroubles()) {
      bool fired = true;
      for (int64_t at = 1; fired; ++at) {
        TryAt(scenario, trouble, at, exchange, &fired);
        if (HasFatalFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SinkFaults, testing::Range(size_t{0}, AllScenarios().size()),
                         ScenarioName);

TEST(SinkFaultyFsync, IsNeverTakenForSuccessLater) {
  TempDir folder;
  FaultySyscalls syscalls({.at = 1, .errnum = EIO, .calls = {Call::kFsync}});
  FileOps ops(&syscalls);
  auto file = *ops.Create(folder / "file");
  ASSERT_TRUE(file.Write("x").ok());
  EXPECT_TRUE(file.Sync().IsIOError());
  EXPECT_TRUE(file.Sync().IsIOError());
  EXPECT_EQ(syscalls.count(), 1);
}

TEST(SinkLocks, WithoutLocksADirectoryIsWrittenAndAFileRefused) {
  TempDir folder;
  FaultySyscalls syscalls({.at = 1, .errnum = ENOLCK, .stays = true, .calls = {Call::kFlock}});
  FileOps ops(&syscalls);
  WriteOptions options;
  options.ops = &ops;
  EXPECT_TRUE(AppendToDirectory(folder / "table", TestRows(1).get(), options).ok());
  const auto refused = AppendToFile(folder / "data.parquet", TestRows(1).get(), options);
  EXPECT_TRUE(refused.status().IsIOError());
  EXPECT_NE(refused.status().message().find("locks"), std::string::npos);
}

/// Runs `body` in a child process; its exit code.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int state = 0;
  waitpid(child, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

TEST(SinkLimits, FileSizeLimit) {
  TempDir folder;
  const int code = InChild([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300, 300};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto result = AppendToDirectory(folder / "table", TestRows(1).get());
    return HasErrno(result.status(), EFBIG) ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(ReadWrites(folder / "table")->empty());
  EXPECT_TRUE(Leftovers(folder.path()).empty());
}

TEST(SinkLimits, OpenFileLimit) {
  TempDir folder;
  const int code = InChild([&] {
    const rlimit limit{8, 8};
    setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<int> held;
    for (int fd = 0; (fd = dup(1)) >= 0;) held.push_back(fd);
    const auto result = AppendToDirectory(folder / "table", TestRows(1).get());
    for (const int fd : held) close(fd);
    return HasErrno(result.status(), EMFILE) ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(ReadWrites(folder / "table")->empty());
}

TEST(SinkLimits, ManyPartitionsNeedFewOpenFiles) {
  TempDir folder;
  constexpr int64_t kPartitions = 500;
  arrow::Int64Builder values;
  for (int64_t i = 0; i < kPartitions; ++i) ASSERT_TRUE(values.Append(i).ok());
  const auto array = *values.Finish();
  const auto schema =
      arrow::schema({arrow::field("value", arrow::int64()), arrow::field("part", arrow::int64())});
  const auto batch = arrow::RecordBatch::Make(schema, kPartitions, {array, array});
  WriteOptions options;
  options.partition_by = {"part"};
  const int code = InChild([&] {
    const rlimit limit{128, 128};
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto reader = *arrow::RecordBatchReader::Make({batch, batch}, schema);
    const auto result = AppendToDirectory(folder / "table", reader.get(), options);
    return result.ok() && result->rows == 2 * kPartitions ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(VisibleFilesUnder(FileOps::Default(), folder / "table")->size(), kPartitions);
}

}  // namespace
}  // namespace larder
