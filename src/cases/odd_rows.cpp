// SPDX-License-Identifier: MIT
// odd-rows: the driver programs a stride that is shorter than a row. V4L2 says that all went well;
// the board says what was wrong, and that is what the lab must show.
#include "cases/case.hpp"
#include "players/converter_jobs.hpp"

namespace relfence::cases {
namespace {

/// Rows of NV12 of this width have 34 bytes; the driver counts strides in words of 4.
constexpr unsigned odd_width = 34;

Result<std::string> see() {
    auto source = players::open_rga(1, {}, odd_width);
    if (!source) return tl::make_unexpected(source.error());
    if (auto handover = (*source)->submit(0, viewing::Before::zeros); !handover)
        return tl::make_unexpected(handover.error());
    if (auto ok = (*source)->finish(); !ok) return tl::make_unexpected(ok.error());
    return std::string{"done"};
}

}  // namespace

Outcome odd_rows(const Setup&) {
    return Outcome::of(see());
}

}  // namespace relfence::cases
