// SPDX-License-Identifier: MIT
#include "cases/pictures.hpp"

#include <utility>

#include <fmt/format.h>

#include <relfence/image/png.hpp>

namespace relfence::cases {

Result<void> save_pictures(const Setup& setup, std::string_view prefix,
                           const viewing::WrongFrame& frame, Outcome& outcome) {
    for (const auto& [kind, picture] :
         {std::pair{"seen", &frame.seen}, std::pair{"right", &frame.right}}) {
        const std::string name = fmt::format("{}-{}-{}.png", prefix, setup.driver, kind);
        if (auto ok = image::write_png((setup.artifacts / name).string(), picture->view()); !ok)
            return ok;
        outcome.artifacts.push_back(name);
    }
    outcome.details["picture"] = {{"frame", frame.index},
                                  {"differing_pixels", frame.difference.pixels},
                                  {"first_row", frame.difference.first_row.value_or(0)}};
    return {};
}

}  // namespace relfence::cases
