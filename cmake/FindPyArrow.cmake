# SPDX-License-Identifier: Apache-2.0
# Finds the Arrow C++ libraries and headers inside the pyarrow wheel of Python_EXECUTABLE.
#
# The wheel has no CMake config and no unversioned library names, so the targets point at the
# full file names. The SO version is major * 100 + minor: what is built here loads with every
# patch release of the same minor version and with no other, hence the version check.
#
# Targets:  PyArrow::arrow  PyArrow::arrow_compute  PyArrow::parquet
# Sets:     PyArrow_FOUND  PyArrow_VERSION  PyArrow_INCLUDE_DIR  PyArrow_LIBRARY_DIR

execute_process(
  COMMAND
    "${Python_EXECUTABLE}" -c
    "import os, pyarrow as p; print(p.__version__, p.get_include(), os.path.dirname(p.__file__), sep=';')"
  OUTPUT_VARIABLE pyarrow_facts
  ERROR_VARIABLE pyarrow_error
  OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE pyarrow_result)

if(pyarrow_result EQUAL 0)
  list(GET pyarrow_facts 0 PyArrow_VERSION)
  list(GET pyarrow_facts 1 PyArrow_INCLUDE_DIR)
  list(GET pyarrow_facts 2 PyArrow_LIBRARY_DIR)
  string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" pyarrow_minor "${PyArrow_VERSION}")
  math(EXPR pyarrow_so_version "${CMAKE_MATCH_1} * 100 + ${CMAKE_MATCH_2}")
  if(NOT pyarrow_minor VERSION_EQUAL PyArrow_FIND_VERSION)
    set(pyarrow_reason "Larder builds against pyarrow ${PyArrow_FIND_VERSION}.*")
    unset(PyArrow_INCLUDE_DIR)
  endif()
else()
  set(pyarrow_reason "${Python_EXECUTABLE} cannot import pyarrow: ${pyarrow_error}")
endif()

foreach(library arrow arrow_compute parquet)
  set(PyArrow_${library}_LIBRARY
      "${PyArrow_LIBRARY_DIR}/lib${library}${CMAKE_SHARED_LIBRARY_SUFFIX}.${pyarrow_so_version}")
  if(NOT EXISTS "${PyArrow_${library}_LIBRARY}")
    unset(PyArrow_${library}_LIBRARY)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  PyArrow
  REQUIRED_VARS PyArrow_INCLUDE_DIR PyArrow_arrow_LIBRARY PyArrow_arrow_compute_LIBRARY
                PyArrow_parquet_LIBRARY
  VERSION_VAR PyArrow_VERSION
  REASON_FAILURE_MESSAGE "${pyarrow_reason}")

if(PyArrow_FOUND AND NOT TARGET PyArrow::arrow)
  foreach(library arrow arrow_compute parquet)
    add_library(PyArrow::${library} SHARED IMPORTED)
    set_target_properties(
      PyArrow::${library}
      PROPERTIES IMPORTED_LOCATION "${PyArrow_${library}_LIBRARY}"
                 INTERFACE_INCLUDE_DIRECTORIES "${PyArrow_INCLUDE_DIR}"
                 INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${PyArrow_INCLUDE_DIR}")
  endforeach()
  set_property(TARGET PyArrow::arrow_compute PROPERTY INTERFACE_LINK_LIBRARIES PyArrow::arrow)
  set_property(TARGET PyArrow::parquet PROPERTY INTERFACE_LINK_LIBRARIES PyArrow::arrow)
endif()
