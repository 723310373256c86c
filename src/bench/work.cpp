// SPDX-License-Identifier: MIT
#include "bench/work.hpp"

#include <fmt/format.h>

#include "jobs/workload.hpp"

namespace relfence::bench {

Result<AtWork> open_work(const devices::VideoDevice& device, unsigned depth) {
    const auto works = jobs::workloads_of(device);
    if (works.empty())
        return fail("does nothing that can be measured here", device.path,
                    "relfence list tells what it does");
    constexpr jobs::PictureSize size = jobs::picture_sizes[0];
    auto source = jobs::open_workload(works.front(), depth, {}, size);
    if (!source) return tl::make_unexpected(source.error());
    return AtWork{fmt::format("{} {}x{}", works.front().stream, size.width, size.height),
                  std::move(*source)};
}

}  // namespace relfence::bench
