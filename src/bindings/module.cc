// SPDX-License-Identifier: Apache-2.0
#include <arrow/config.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>

#include <map>
#include <string>

#include "bindings.h"

namespace nb = nanobind;

NB_MODULE(_engine, m) {
#ifdef NDEBUG
  // A daemon thread that is in a query when the process exits keeps its arguments: no mistake.
  nb::set_leak_warnings(false);
#endif
  m.doc() = "Larder's engine: point-in-time, latest and range queries, and writes, over Parquet.";
  larder::python::BindAnswers(m);
  larder::python::BindQueries(m);
  larder::python::BindWrites(m);
  m.def(
      "build_info",
      [] {
        return std::map<std::string, std::string>{
            {"version", LARDER_VERSION},
            {"build_type", LARDER_BUILD_TYPE},
            {"compiler", LARDER_COMPILER},
            {"arrow", arrow::GetBuildInfo().version_string},
        };
      },
      "Return what the extension is: its version, build_type, compiler, and the version of Arrow\n"
      "that it runs with (arrow).");
}
