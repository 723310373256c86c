// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <relfence/base/error.hpp>

namespace relfence::page {

/// The page of a lab run: verdict, table of cases by kernel, pictures, figures, versions.
///
/// @param report  what `relfence-lab run` writes as report.json; only `cells` must be there
/// @param directory  of the report, as seen from the page: what pictures and logs are linked in
/// @return one HTML document. It needs no network and runs no script; pictures and console logs are
///         linked, never embedded. An error names the member of the report that
///         is missing or of the wrong type.
[[nodiscard]] Result<std::string> render_report(const nlohmann::json& report,
                                                std::string_view directory = ".");

}  // namespace relfence::page
