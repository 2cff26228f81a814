// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>

#include <functional>
#include <string>

namespace larder::fail_point {

/// What an armed point does: return an error to fail there, kill the process, wait, count.
using Action = std::function<arrow::Status()>;

/// Makes `action` run whenever execution passes the point `name`, in place of an earlier action
/// of the same name. For tests; thread-safe. A forked child inherits what is armed.
void Arm(const std::string& name, Action action);

/// Forgets every action.
void DisarmAll();

/// Passes the point `name`: OK, or what its action returns. Costs one relaxed load of an atomic
/// while nothing is armed.
arrow::Status Hit(const char* name);

/// An action that ends this process at once as `kill -9` does: nothing is flushed or cleaned up.
Action KillProcess();

}  // namespace larder::fail_point
