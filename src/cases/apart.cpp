// SPDX-License-Identifier: MIT
#include "cases/apart.hpp"

#include <chrono>

#include <relfence/base/apart.hpp>

namespace relfence::cases {

Result<std::string> look_apart(const std::function<Result<std::string>()>& see) {
    const auto apart = run_apart(
        [&] {
            const auto seen = see();
            return seen ? "+" + *seen : "-" + seen.error().message();
        },
        std::chrono::minutes{10}, std::chrono::milliseconds{0});
    if (!apart) return tl::make_unexpected(apart.error());
    if (!apart->said) return fail("died", "the process with the job");
    std::string said = apart->said->substr(1);
    if (apart->said->front() != '+') return fail(said, "the process with the job");
    return said;
}

}  // namespace relfence::cases
