# SPDX-License-Identifier: Apache-2.0
# Compile settings shared by every target of Larder, and the function that declares a room.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Only Release drops assertions: what developers and sanitizers run keeps them.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" AND LARDER_X86_BASELINE)
  add_compile_options("-march=${LARDER_X86_BASELINE}")
endif()

# For everything that is compiled, third-party sources included: mixing would miss errors.
if(LARDER_SANITIZE)
  # libarrow hides type information that UBSan's vptr check would have to link against.
  add_compile_options(
    "-fsanitize=${LARDER_SANITIZE}" -fno-sanitize=vptr -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${LARDER_SANITIZE}")
endif()

# Warnings and checks for Larder's own code only; headers of others come in as SYSTEM.
add_library(larder_options INTERFACE)
target_compile_options(larder_options INTERFACE -Wall -Wextra -Wconversion -Wshadow)
if(LARDER_WERROR)
  target_compile_options(larder_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on std::string concatenation in GCC 12 (GCC bug 105651).
  target_compile_options(larder_options INTERFACE -Wno-restrict)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(larder_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# larder_room(<name> DEPS <target>...)
#
# Declares the static library larder_<name> from every *.cc in the current folder. DEPS are
# PUBLIC and are all that the room may use or include; scripts/check_includes.py reads them
# from the same line. A room of headers alone becomes an INTERFACE library.
function(larder_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "DEPS")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(target "larder_${name}")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${room_DEPS} PRIVATE larder_options)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${room_DEPS})
  endif()
endfunction()
