// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/base/error.hpp>
#include <relfence/image/frame.hpp>

#include "jobs/job_source.hpp"

namespace relfence::viewing {

using jobs::Before;
using jobs::Handover;
using jobs::JobSource;

/// A driver that produces the frames of a clip, one job each.
class Producer : public JobSource {
  public:
    /// Layout and size of the frames; the pixels are empty.
    [[nodiscard]] virtual image::FrameView format() const = 0;
    /// Judges a finished frame by something else than the driver's word.
    /// @return what was found, for the report; fails when this cannot be frame @p index
    [[nodiscard]] virtual Result<double> judge(unsigned index, const image::FrameView& frame) = 0;

    [[nodiscard]] image::FrameView frame(const Handover& handover) const {
        image::FrameView view = format();
        view.bytes = handover.pixels;
        return view;
    }
};

}  // namespace relfence::viewing
