// SPDX-License-Identifier: MIT
#include <system_error>

#include <fmt/format.h>

#include <relfence/base/error.hpp>

namespace relfence {

std::string Error::message() const {
    std::string text = code != 0 ? fmt::format("{} {}: {}", operation, subject,
                                               std::generic_category().message(code))
                                 : fmt::format("{}: {}", subject, operation);
    if (!hint.empty()) text += fmt::format(" ({})", hint);
    return text;
}

tl::unexpected<Error> fail_errno(std::string_view operation, std::string_view subject, int code) {
    return tl::make_unexpected(Error{code, std::string{operation}, std::string{subject}, {}});
}

tl::unexpected<Error> fail(std::string_view what, std::string_view subject, std::string_view hint) {
    return tl::make_unexpected(
        Error{0, std::string{what}, std::string{subject}, std::string{hint}});
}

}  // namespace relfence
