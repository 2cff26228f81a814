// SPDX-License-Identifier: Apache-2.0
#include "larder/io/write_names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <functional>
#include <random>

namespace larder {
namespace {

constexpr std::string_view kHiddenPrefix = ".larder-";
constexpr std::string_view kLockPrefix = ".larder-lock-";
constexpr std::string_view kPartPrefix = "part-";
constexpr std::string_view kParquet = ".parquet";
constexpr size_t kTimeDigits = 16;
constexpr size_t kBootDigits = 8;
constexpr size_t kTokenSize = kBootDigits + 1 + 16;
constexpr int64_t kMaxTime = 9'999'999'999'999'999;
/// Longest run of z's or ~'s before "part-".
constexpr size_t kMaxPrefix = 8;

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 128> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), format, args...);
  return std::string(buffer.data(), static_cast<size_t>(size));
}

uint64_t Random() {
  uint64_t value = 0;
  // Asked of the kernel each time: a generator of our own would repeat itself after a fork.
  if (getrandom(&value, sizeof(value), 0) == sizeof(value)) return value;
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

/// FNV-1a: the same in every process and every build.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

/// 8 digits for this start of this machine. Where the kernel does not tell, a random number:
/// then nobody's files count as ours, and leftovers go by their age.
const std::string& BootDigits() {
  static const std::string digits = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    const bool known = static_cast<bool>(std::getline(file, id)) && !id.empty();
    return Format("%016" PRIx64, known ? Hash(id) : Random()).substr(0, kBootDigits);
  }();
  return digits;
}

bool IsToken(std::string_view text) {
  if (text.size() != kTokenSize || text[kBootDigits] != '-') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (i != kBootDigits && !hex) return false;
  }
  return true;
}

/// Takes a decimal number off the front of `text`.
template <typename T>
bool TakeNumber(std::string_view* text, T* out) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  if (error != std::errc() || end == text->data() || *out < 0) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string NewWriteToken() { return BootDigits() + Format("-%016" PRIx64, Random()); }

bool IsTokenOfThisBoot(std::string_view token) { return token.starts_with(BootDigits()); }

std::string MakeHiddenName(HiddenKind kind, std::string_view token, std::string_view replaced) {
  std::string name(kHiddenPrefix);
  name += token;
  switch (kind) {
    case HiddenKind::kTemporary:
      return name + ".tmp";
    case HiddenKind::kCommit:
      return name + ".commit";
    case HiddenKind::kLock:
      return name + ".lock";
    case HiddenKind::kOld:
      break;
  }
  return name.append(".old-").append(replaced);
}

std::optional<HiddenName> ParseHiddenName(std::string_view name) {
  if (!TakePrefix(&name, kHiddenPrefix) || !IsToken(name.substr(0, kTokenSize))) {
    return std::nullopt;
  }
  HiddenName hidden{HiddenKind::kTemporary, std::string(name.substr(0, kTokenSize)), ""};
  name.remove_prefix(kTokenSize);
  if (name == ".tmp") return hidden;
  hidden.kind = HiddenKind::kCommit;
  if (name == ".commit") return hidden;
  hidden.kind = HiddenKind::kLock;
  if (name == ".lock") return hidden;
  hidden.kind = HiddenKind::kOld;
  if (!TakePrefix(&name, ".old-") || name.empty()) return std::nullopt;
  hidden.replaced = std::string(name);
  return hidden;
}

std::string MakeLockName(std::string_view name) {
  constexpr size_t kMaxNameBytes = 255;
  std::string lock(kLockPrefix);
  if (lock.size() + name.size() <= kMaxNameBytes) return lock.append(name);
  return lock + Format("%016" PRIx64, Hash(name));
}

bool IsLockName(std::string_view name) { return name.starts_with(kLockPrefix); }

std::string MakePartName(const PartName& part, std::string_view greatest) {
  std::string name = Format("part-%016" PRId64 "-", std::min(part.time, kMaxTime)) + part.token;
  if (part.index > 0) name += Format("-%06d", part.index);
  if (part.count > 0) name += Format("of%06d-d%d", part.count, part.depth);
  name += kParquet;
  for (const char filler : {'z', '~'}) {
    for (size_t size = 0; size <= kMaxPrefix; ++size) {
      std::string longer = size == 0 ? name : std::string(size, filler) + "-" + name;
      if (longer > greatest) return longer;
    }
  }
  return name;  // Names beyond "~~~~~~~~-part-": nothing readable sorts after them.
}

std::optional<PartName> ParsePartName(std::string_view name) {
  const size_t letters = std::min(name.find_first_not_of("z~"), name.size());
  if (letters > 0) {
    name.remove_prefix(letters);
    if (!TakePrefix(&name, "-")) return std::nullopt;
  }
  PartName part;
  if (!TakePrefix(&name, kPartPrefix) || !name.ends_with(kParquet)) return std::nullopt;
  name.remove_suffix(kParquet.size());
  std::string_view digits = name.substr(0, kTimeDigits);
  if (digits.size() != kTimeDigits || !TakeNumber(&digits, &part.time) || !digits.empty()) {
    return std::nullopt;
  }
  name.remove_prefix(kTimeDigits);
  if (!TakePrefix(&name, "-") || !IsToken(name.substr(0, kTokenSize))) return std::nullopt;
  part.token = std::string(name.substr(0, kTokenSize));
  name.remove_prefix(kTokenSize);
  if (name.empty()) return part;
  if (!TakePrefix(&name, "-") || !TakeNumber(&name, &part.index) || part.index < 1) {
    return std::nullopt;
  }
  if (name.empty()) return part;
  const bool counted = TakePrefix(&name, "of") && TakeNumber(&name, &part.count) &&
                       TakePrefix(&name, "-d") && TakeNumber(&name, &part.depth);
  if (!counted || !name.empty() || part.index > part.count) return std::nullopt;
  return part;
}

DirectoryNames LookAtNames(const std::vector<DirectoryEntry>& entries) {
  DirectoryNames names;
  for (const auto& entry : entries) {
    if (IsHiddenFromReaders(entry)) continue;
    names.greatest = std::max(names.greatest, entry.name);
    if (auto part = ParsePartName(entry.name)) names.time = std::max(names.time, part->time);
  }
  return names;
}

bool IsHiddenFromReaders(const DirectoryEntry& entry) {
  if (entry.name.empty() || entry.name[0] == '.') return true;
  if (entry.name[0] != '_') return false;
  return !entry.is_directory || entry.name.find('=') == std::string::npos;
}

}  // namespace larder
