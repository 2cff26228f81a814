// SPDX-License-Identifier: Apache-2.0
#include "larder/io/fail_point.h"

#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <utility>

namespace larder::fail_point {
namespace {

struct Registry {
  std::atomic<bool> armed{false};
  std::mutex mutex;
  std::map<std::string, Action> actions;
};

Registry& GetRegistry() {
  static Registry registry;
  return registry;
}

}  // namespace

void Arm(const std::string& name, Action action) {
  Registry& registry = GetRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  registry.actions[name] = std::move(action);
  registry.armed.store(true, std::memory_order_relaxed);
}

void DisarmAll() {
  Registry& registry = GetRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  registry.actions.clear();
  registry.armed.store(false, std::memory_order_relaxed);
}

arrow::Status Hit(const char* name) {
  Registry& registry = GetRegistry();
  if (!registry.armed.load(std::memory_order_relaxed)) return arrow::Status::OK();
  Action action;
  {
    std::lock_guard<std::mutex> lock(registry.mutex);
    auto found = registry.actions.find(name);
    if (found == registry.actions.end()) return arrow::Status::OK();
    action = found->second;
  }
  return action();
}

Action KillProcess() {
  return [] {
    std::raise(SIGKILL);
    return arrow::Status::OK();
  };
}

}  // namespace larder::fail_point
