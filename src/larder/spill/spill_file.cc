// SPDX-License-Identifier: Apache-2.0
#include "larder/spill/spill_file.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

std::string DirectoryOr(const std::string& directory) {
  if (!directory.empty()) return directory;
  const char* system = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  return system != nullptr && *system != '\0' ? system : "/tmp";
}

Status ExplainedFor(const std::string& directory, const Status& status) {
  if (status.ok()) return status;
  return status.WithMessage("spilling to '", directory, "': ", status.message(),
                            "; set spill_directory to a directory with room, or raise "
                            "memory_limit");
}

}  // namespace

Result<SpillFile> SpillFile::Create(const std::string& directory, FileOps* files,
                                    arrow::MemoryPool* pool) {
  const std::string place = DirectoryOr(directory);
  auto file = files->CreateUnnamed(place);
  if (!file.ok()) return ExplainedFor(place, file.status());
  return SpillFile(std::move(*file), pool);
}

Status SpillFile::Append(const void* bytes, size_t count) {
  if (buffer_.size() + count > kBufferBytes) ARROW_RETURN_NOT_OK(Flush());
  if (buffer_.capacity() < kBufferBytes) buffer_.reserve(kBufferBytes);
  const auto* begin = static_cast<const char*>(bytes);
  buffer_.insert(buffer_.end(), begin, begin + count);
  size_ += static_cast<int64_t>(count);
  return Status::OK();
}

Status SpillFile::Flush() {
  const Status status = file_.Write({buffer_.data(), buffer_.size()});
  buffer_.clear();
  return Explained(status);
}

Status SpillFile::Rewind() {
  ARROW_RETURN_NOT_OK(Flush());
  return Explained(file_.Rewind());
}

Result<bool> SpillFile::Read(void* bytes, size_t count) {
  auto* out = static_cast<char*>(bytes);
  const size_t asked = count;
  while (count > 0) {
    if (next_ == buffer_.size()) {
      buffer_.resize(kBufferBytes);
      const auto read = file_.Read(buffer_.data(), buffer_.size());
      if (!read.ok()) return Explained(read.status());
      buffer_.resize(*read);
      next_ = 0;
      if (*read == 0) {
        if (count == asked) return false;
        return Explained(Status::IOError("the file ends within a record"));
      }
    }
    const size_t taken = std::min(count, buffer_.size() - next_);
    std::memcpy(out, buffer_.data() + next_, taken);
    next_ += taken;
    out += taken;
    count -= taken;
  }
  return true;
}

Status SpillFile::Explained(const Status& status) const {
  return ExplainedFor(file_.path(), status);
}

}  // namespace larder
