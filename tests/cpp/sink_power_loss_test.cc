// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

#include "larder/io/file_ops.h"
#include "larder/sink/write.h"
#include "tests/cpp/io_power_loss.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

/// Cuts the power after every change that one write makes, and looks at what is left.
class PowerCuts {
 public:
  PowerCuts(const Scenario& scenario, int64_t skipped_fsync, uint32_t seed, int random_cuts)
      : scenario_(scenario), random_(seed), random_cuts_(random_cuts) {
    if (scenario.first_exists) first_ = scenario.run(disk_ / scenario.place, 1, {});
    syscalls_ = std::make_unique<PowerLossSyscalls>(disk_.path());
    syscalls_->skipped_fsync = skipped_fsync;
    syscalls_->on_change = [this] { CutNow(); };
  }

  /// The first thing that a reader or the next writer must not meet; OK if there is none.
  arrow::Status Run() {
    ARROW_RETURN_NOT_OK(first_);
    FileOps ops(syscalls_.get());
    WriteOptions options;
    options.ops = &ops;
    ARROW_RETURN_NOT_OK(scenario_.run(disk_ / scenario_.place, 2, options));
    acknowledged_ = true;
    CutNow();
    return found_;
  }

  int64_t fsyncs() const { return syscalls_->fsyncs(); }
  int cuts() const { return cuts_; }

 private:
  void CutNow() {
    for (int i = 0; i <= random_cuts_ && found_.ok(); ++i) {
      TempDir image;
      const std::string after = image / "after";
      syscalls_->PowerCut(after, i == 0 ? nullptr : &random_);
      ++cuts_;
      const arrow::Status seen = Look(after);
      if (!seen.ok()) {
        found_ = seen.WithMessage(seen.message(), acknowledged_ ? " (done)" : "", ", fsyncs ",
                                  syscalls_->fsyncs());
      }
    }
  }

  arrow::Status Look(const std::string& folder) const {
    const std::string path = folder + "/" + scenario_.place;
    ARROW_RETURN_NOT_OK(CheckScenario(scenario_, path, acknowledged_));
    if (acknowledged_) ARROW_RETURN_NOT_OK(LookAtEachFolder(path));
    return CheckRecovery(scenario_, folder);
  }

  /// A source may be one partition of what was written to: it has its rows, too.
  arrow::Status LookAtEachFolder(const std::string& path) const {
    if (!std::filesystem::is_directory(path)) return arrow::Status::OK();
    size_t files = 0;
    size_t visible = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.path().extension() != ".parquet") continue;
      const std::string file = entry.path().string();
      const auto seen = VisibleFiles(FileOps::Default(), [&]() {
        return arrow::Result<std::vector<std::string>>(std::vector<std::string>{file});
      });
      ARROW_RETURN_NOT_OK(seen.status());
      ++files;
      visible += seen->size();
    }
    if (files == visible) return arrow::Status::OK();
    return arrow::Status::Invalid("a file of an acknowledged write is hidden");
  }

  const Scenario& scenario_;
  TempDir disk_;
  arrow::Status first_ = arrow::Status::OK();
  std::unique_ptr<PowerLossSyscalls> syscalls_;
  std::mt19937 random_;
  int random_cuts_;
  bool acknowledged_ = false;
  int cuts_ = 0;
  arrow::Status found_ = arrow::Status::OK();
};

class SinkPowerLoss : public testing::TestWithParam<size_t> {};

TEST_P(SinkPowerLoss, LosesNothingAcknowledgedAndShowsNothingHalf) {
  const Scenario scenario = AllScenarios()[GetParam()];
  int cuts = 0;
  for (uint32_t seed = 0; seed < static_cast<uint32_t>(StressFactor()); ++seed) {
    PowerCuts run(scenario, 0, seed, 4);
    const arrow::Status found = run.Run();
    ASSERT_TRUE(found.ok()) << found << ", seed " << seed;
    cuts += run.cuts();
  }
  RecordProperty("cuts", cuts);
}

// What the test above proves, it proves only if it can fail.
TEST_P(SinkPowerLoss, EveryFsyncIsNeeded) {
  const Scenario scenario = AllScenarios()[GetParam()];
  for (int64_t skipped = 1;; ++skipped) {
    arrow::Status found = arrow::Status::OK();
    int64_t fsyncs = 0;
    for (uint32_t seed = 0; seed < 5 && found.ok(); ++seed) {
      PowerCuts run(scenario, skipped, seed, seed == 0 ? 0 : 3);
      found = run.Run();
      fsyncs = run.fsyncs();
      if (fsyncs < skipped) return;
    }
    EXPECT_FALSE(found.ok()) << "nothing is wrong without fsync " << skipped << " of " << fsyncs;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SinkPowerLoss, testing::Range(size_t{0}, AllScenarios().size()),
                         ScenarioName);

}  // namespace
}  // namespace larder
