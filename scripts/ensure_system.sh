#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes sure the machine has what pip cannot bring: Python's venv and headers, GoogleTest, Google
# Benchmark.
# As root on a Debian-like system it installs what is missing; otherwise it says what is.
#
# usage: ensure_system.sh PYTHON [gtest] [benchmark]
set -euo pipefail

python=$1
missing=()
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "Larder needs Python 3.11 or later; $python is $version" >&2; exit 1; }
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python$version-venv")
[ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
  missing+=("python$version-dev")
# Where CMake looks first for a library of one's own, and Debian's package if there is none.
declare -A root=([gtest]=${GTest_ROOT:-} [benchmark]=${benchmark_ROOT:-})
for library in "${@:2}"; do
  [ -n "${root[$library]}" ] || [ -e "/usr/include/$library/$library.h" ] ||
    [ -e "/usr/local/include/$library/$library.h" ] || missing+=("lib$library-dev")
done

[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Please install: ${missing[*]} (names of Debian's packages)" >&2
  exit 1
fi
