// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace relfence::page {

/// @p text with &, <, >, " and ' replaced, so that it is safe as element content and in a quoted
/// attribute. Control characters other than newline and tab become U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace relfence::page
