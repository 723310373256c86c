// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_fields.hpp"

#include <vector>

namespace relfence::board::vpu::vp8_fields {

std::span<const regs::Field> all() {
    static const std::vector<regs::Field> fields = [] {
        std::vector<regs::Field> list{skip_mode,     filtering_dis,  stream_len,    pic_inter_e,
                                      qtable_base,   dec_out_base,   pic_mb_width,  pic_mb_height,
                                      pic_mb_w_ext,  pic_mb_h_ext,   fraction_e,    bilin_mc_e,
                                      mb_start_bit,  boolean_value,  boolean_range, coeffs_part_am,
                                      mb_stream_len, mb_stream_base, filt_type,     filt_sharpness,
                                      segment_base,  segment_upd_e,  segment_e};
        const auto add = [&list](const auto& group) {
            for (const regs::Field& field : group)
                if (field.width != 0) list.push_back(field);
        };
        add(dct_base);
        add(dct_start_bit);
        add(refer_base);
        add(lf_level);
        add(mb_adj);
        add(ref_adj);
        add(quant);
        add(quant_delta);
        for (const Taps& of_one : taps) {
            add(of_one.inner);
            add(of_one.outer);
        }
        return list;
    }();
    return fields;
}

}  // namespace relfence::board::vpu::vp8_fields
