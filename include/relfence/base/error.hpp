// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace relfence {

/// An expected failure: which errno, of which operation, on which subject.
///
/// Travels as a return value (see Result). The layer that decides what to do prints it once,
/// with message(); lower layers do not log. Value type, safe to copy between threads.
struct Error {
    int code = 0;           ///< errno, or 0 where no system call failed
    std::string operation;  ///< what was tried: "VIDIOC_QBUF", "open", "apply patch"
    std::string subject;    ///< on what: "/dev/video0", a path, a patch name
    std::string hint;       ///< what the user can do about it; may be empty

    /// One line for a user: "open /dev/video9: No such file or directory (hint)".
    [[nodiscard]] std::string message() const;
};

/// The result of an operation that can fail in an expected way.
template <typename T>
using Result = tl::expected<T, Error>;

/// Makes the failing Result out of errno as it is now. Call it before anything else can change
/// errno.
/// @param operation what was tried, e.g. "VIDIOC_STREAMON"
/// @param subject   on what, e.g. a path
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view operation, std::string_view subject,
                                               int code = errno);

/// Makes a failing Result that no errno explains.
/// @param what what happened, as a phrase: "is not a mem2mem device"
/// @param hint what the user can do
[[nodiscard]] tl::unexpected<Error> fail(std::string_view what, std::string_view subject,
                                         std::string_view hint = {});

}  // namespace relfence
