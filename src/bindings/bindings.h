// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

namespace larder::python {

/// Result, Schema. Before BindQueries, whose functions return them.
void BindAnswers(nanobind::module_& module);

/// Source, JoinKey, Feature, FeatureView, Options; point_in_time, latest, range, schema.
void BindQueries(nanobind::module_& module);

/// append_to_directory, append_to_file, write_file, write_directory, clean_leftovers.
void BindWrites(nanobind::module_& module);

}  // namespace larder::python
