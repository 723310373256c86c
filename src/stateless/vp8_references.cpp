// SPDX-License-Identifier: MIT
#include "stateless/vp8_references.hpp"

namespace relfence::stateless {

void Vp8References::tell(v4l2_ctrl_vp8_frame& control) const {
    control.last_frame_ts = last_;
    control.golden_frame_ts = golden_;
    control.alt_frame_ts = alternative_;
}

void Vp8References::update(const Vp8Picture& picture, std::uint64_t timestamp) {
    // Copies of old frames before refreshes, and the alternative frame before the golden one, as
    // libvpx does it: frames that are copied to each other end up the same.
    if (picture.alternative == Vp8Source::last) alternative_ = last_;
    if (picture.alternative == Vp8Source::golden) alternative_ = golden_;
    if (picture.golden == Vp8Source::last) golden_ = last_;
    if (picture.golden == Vp8Source::alternative) golden_ = alternative_;
    if (picture.alternative == Vp8Source::current) alternative_ = timestamp;
    if (picture.golden == Vp8Source::current) golden_ = timestamp;
    if (picture.last == Vp8Source::current) last_ = timestamp;
}

}  // namespace relfence::stateless
