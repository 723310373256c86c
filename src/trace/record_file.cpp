// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <relfence/trace/record_file.hpp>
#include <relfence/trace/recording.hpp>

namespace relfence::trace {

RecordFile::RecordFile(std::filesystem::path path, std::string temporary, UniqueFd file)
    : path_{std::move(path)},
      temporary_{std::move(temporary)},
      file_{std::move(file)},
      waiting_{recording_header() + "\n"} {}

RecordFile::RecordFile(RecordFile&& other) noexcept
    : path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})},
      file_{std::move(other.file_)},
      waiting_{std::move(other.waiting_)},
      error_{other.error_} {}

RecordFile::~RecordFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<RecordFile> RecordFile::create(const std::filesystem::path& path) {
    std::string temporary = fmt::format("{}.{}.new", path.string(), ::getpid());
    auto file = open_fd(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (!file) return tl::make_unexpected(file.error());
    return RecordFile{path, std::move(temporary), std::move(*file)};
}

void RecordFile::add(const Event& event) {
    waiting_ += to_line(event);
    waiting_ += '\n';
    constexpr std::size_t chunk = 1 << 18;
    if (waiting_.size() >= chunk) write_out();
}

void RecordFile::write_out() {
    std::string_view left = waiting_;
    while (!left.empty() && error_ == 0) {
        const ssize_t written = ::write(file_.get(), left.data(), left.size());
        if (written >= 0)
            left.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            error_ = errno;
    }
    waiting_.clear();
}

Result<void> RecordFile::finish() {
    write_out();
    if (error_ == 0 && ::rename(temporary_.c_str(), path_.c_str()) < 0) error_ = errno;
    if (error_ != 0) return fail_errno("write", path_.string(), error_);
    temporary_.clear();
    return {};
}

}  // namespace relfence::trace
