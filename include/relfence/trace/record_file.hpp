// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// A recording while it grows: a file beside its place, which finish() moves there. Destroyed
/// without finish(), it leaves nothing. Not thread-safe.
class RecordFile {
  public:
    [[nodiscard]] static Result<RecordFile> create(const std::filesystem::path& path);
    RecordFile(RecordFile&& other) noexcept;
    RecordFile& operator=(RecordFile&&) = delete;
    ~RecordFile();

    /// Takes an event. A full disk shows in finish().
    void add(const Event& event);
    [[nodiscard]] Result<void> finish();

  private:
    RecordFile(std::filesystem::path path, std::string temporary, UniqueFd file);
    void write_out();

    std::filesystem::path path_;
    std::string temporary_;  ///< empty: moved away, or in its place
    UniqueFd file_;
    std::string waiting_;
    int error_ = 0;
};

}  // namespace relfence::trace
