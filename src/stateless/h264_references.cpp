// SPDX-License-Identifier: MIT
#include "stateless/h264_references.hpp"

#include <algorithm>

#include "stateless/h264_headers.hpp"

namespace relfence::stateless {
namespace {

constexpr H264Fields both = V4L2_H264_FRAME_REF;

std::uint32_t number_range(const v4l2_ctrl_h264_sps& sps) {
    return 1U << (sps.log2_max_frame_num_minus4 + 4);
}

}  // namespace

void H264References::slide(const v4l2_ctrl_h264_sps& sps) {
    if (frames_.size() < std::max<std::size_t>(sps.max_num_ref_frames, 1)) return;
    // The oldest by frame_num, which counts on: the first one in decoding order.
    const auto oldest = std::find_if(frames_.begin(), frames_.end(),
                                     [](const Frame& frame) { return !frame.long_term; });
    if (oldest != frames_.end()) frames_.erase(oldest);
}

void H264References::fill_gap(std::uint32_t frame_num, const v4l2_ctrl_h264_sps& sps) {
    const std::uint32_t range = number_range(sps);
    std::uint32_t next = (previous_number_ + 1) % range;
    // More than fit would only push each other out.
    const std::uint32_t missing = (frame_num - next) % range;
    if (missing > 16) next = (frame_num - 16) % range;
    for (; next != frame_num; next = (next + 1) % range) {
        slide(sps);
        Frame gap;
        gap.frame_num = next;
        gap.references = both;
        frames_.push_back(gap);
        previous_number_ = next;
    }
}

void H264References::describe(const H264Picture& picture, const v4l2_ctrl_h264_sps& sps,
                              v4l2_ctrl_h264_decode_params& params) const {
    std::size_t count = 0;
    for (const Frame& frame : frames_) {
        if (!frame.number || count == V4L2_H264_NUM_DPB_ENTRIES) continue;
        // A frame can refer to whole frames only.
        if (picture.structure == both && frame.references != both) continue;
        v4l2_h264_dpb_entry& entry = params.dpb[count++];
        entry.reference_ts = h264_timestamp(*frame.number);
        entry.fields = frame.references;
        entry.flags = V4L2_H264_DPB_ENTRY_FLAG_VALID | V4L2_H264_DPB_ENTRY_FLAG_ACTIVE;
        if (frame.field_coded) entry.flags |= V4L2_H264_DPB_ENTRY_FLAG_FIELD;
        entry.top_field_order_cnt = frame.poc[0];
        entry.bottom_field_order_cnt = frame.poc[1];
        if (frame.long_term) {
            entry.flags |= V4L2_H264_DPB_ENTRY_FLAG_LONG_TERM;
            entry.frame_num = static_cast<std::uint16_t>(*frame.long_term);
            entry.pic_num = *frame.long_term;
        } else {
            entry.frame_num = static_cast<std::uint16_t>(frame.frame_num);
            // FrameNumWrap, H.264 8.2.4.1; V4L2 keeps it in 32 unsigned bits.
            entry.pic_num = frame.frame_num > picture.frame_num
                                ? frame.frame_num - number_range(sps)
                                : frame.frame_num;
        }
    }
}

void H264References::drop(Frame& frame, H264Fields fields) {
    frame.references &= static_cast<H264Fields>(~fields);
}

H264References::Frame* H264References::of_number(bool long_term, std::uint32_t number,
                                                 H264Fields fields) {
    for (Frame& frame : frames_) {
        const std::uint32_t own = long_term ? frame.long_term.value_or(~0U) : frame.frame_num;
        if (frame.long_term.has_value() == long_term && own == number &&
            (frame.references & fields) != 0)
            return &frame;
    }
    return nullptr;
}

void H264References::free_index(std::uint32_t index, const Frame* keep) {
    for (Frame& frame : frames_)
        if (&frame != keep && frame.long_term == index) frame.references = 0;
}

void H264References::apply(const H264Marking& marking, const H264Picture& picture,
                           const v4l2_ctrl_h264_sps& sps, std::optional<std::uint32_t>& own_index) {
    const bool field = picture.structure != both;
    // Of a field, the lowest bit of a number tells the parity: 1 is that of the picture.
    const auto split = [&](std::uint32_t number, H264Fields& fields) {
        fields = picture.structure;
        if (!field) return number;
        if (number % 2 == 0) fields ^= both;
        return number / 2;
    };
    const std::uint32_t range = number_range(sps) * (field ? 2 : 1);
    const std::uint32_t current = field ? 2 * picture.frame_num + 1 : picture.frame_num;
    H264Fields fields = both;
    switch (marking.operation) {
        case 1: {
            const auto number = split((current - marking.pic_nums_back - 1) % range, fields);
            if (Frame* frame = of_number(false, number, fields)) drop(*frame, fields);
            break;
        }
        case 2: {
            const auto index = split(marking.long_term, fields);
            if (Frame* frame = of_number(true, index, fields)) drop(*frame, fields);
            break;
        }
        case 3: {
            const auto number = split((current - marking.pic_nums_back - 1) % range, fields);
            Frame* frame = of_number(false, number, fields);
            // The second field of a frame whose first one has the index already.
            if (frame == nullptr) break;
            free_index(marking.long_term, frame);
            frame->long_term = marking.long_term;
            break;
        }
        case 4:
            for (Frame& frame : frames_)
                if (frame.long_term && *frame.long_term >= marking.long_term) frame.references = 0;
            break;
        case 5:
            frames_.clear();
            break;
        case 6:
            own_index = marking.long_term;
            break;
        default:
            break;
    }
}

bool H264References::mark(H264Picture& picture, const v4l2_ctrl_h264_sps& sps) {
    bool reset = false;
    if (!picture.reference) return false;
    std::optional<std::uint32_t> index;
    if (picture.idr) {
        if (!picture.second_field) frames_.clear();
        if (picture.long_term_idr) index = 0;
    } else if (picture.adaptive) {
        for (const H264Marking& marking : picture.marking) {
            apply(marking, picture, sps, index);
            reset = reset || marking.operation == 5;
        }
    }
    std::erase_if(frames_, [](const Frame& frame) { return frame.references == 0; });
    if (reset) {
        // H.264 8.2.1: from now on it counts as if it were an IDR picture.
        const std::int32_t base = picture.structure == both
                                      ? std::min(picture.poc[0], picture.poc[1])
                                  : picture.structure == V4L2_H264_TOP_FIELD_REF ? picture.poc[0]
                                                                                 : picture.poc[1];
        for (std::int32_t& poc : picture.poc) poc -= base;
        picture.frame_num = 0;
    }
    const auto own = std::find_if(frames_.begin(), frames_.end(), [&](const Frame& frame) {
        return frame.number == picture.frame;
    });
    if (index) free_index(*index, own == frames_.end() ? nullptr : &*own);
    if (own != frames_.end()) {
        own->references |= picture.structure;
        own->poc = picture.poc;
        if (index) own->long_term = index;
    } else {
        if (!picture.idr && !picture.adaptive) slide(sps);
        frames_.push_back({picture.frame, picture.frame_num, index, picture.structure,
                           picture.structure != both, picture.poc});
    }
    std::erase_if(frames_, [](const Frame& frame) { return frame.references == 0; });
    previous_number_ = picture.frame_num;
    return reset;
}

}  // namespace relfence::stateless
