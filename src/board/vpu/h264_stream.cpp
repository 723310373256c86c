// SPDX-License-Identifier: MIT
#include "board/vpu/h264_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

extern "C" {
#include <libavutil/frame.h>
}

namespace relfence::board::vpu {
namespace {

constexpr std::uint32_t number_mask = (1U << codec_frame_num_bits) - 1;

tl::unexpected<Error> bad_stream(const char* why) {
    return tl::make_unexpected(Error{EBADMSG, "H.264 decode", why, {}});
}

}  // namespace

Result<MemoryWrites> H264Stream::decode(const H264Job& job, const Dma& dma) {
    const auto slices = parse_slices(job);
    if (!slices) return tl::make_unexpected(slices.error());
    const bool reference = slices->front().nal_ref_idc != 0;
    if (job.idr && !reference) return bad_stream("an IDR picture that is no reference");

    Slots used;
    std::vector<std::array<RefList, 2>> lists(slices->size());
    for (std::size_t i = 0; i < slices->size(); ++i) {
        for (unsigned list = 0; list < 2; ++list) {
            if ((*slices)[i].active_refs[list] == 0) continue;
            lists[i][list] = make_ref_list(job, (*slices)[i], list);
            for (const auto& entry : lists[i][list]) {
                if (!entry) return bad_stream("a slice without any reference");
                used.insert(entry->slot);
            }
        }
    }
    if (auto ready = prepare(job, used, reference); !ready) {
        start_again();
        return tl::make_unexpected(ready.error());
    }
    if (auto loaded = load(job, dma, used); !loaded) return tl::make_unexpected(loaded.error());

    const bool second = is_second_field(job, reference);
    if (!second && first_field_ && !first_field_->reference) {
        // Else libavcodec would take this picture for the second field that never came.
        next_number_ = (next_number_ + 1) & number_mask;
    }
    CodecHeader header;
    // A decoder that begins anywhere else would first fill up with pictures of its own.
    header.idr = !second && reference && (job.idr || !codec_ || sent_parameters_.empty());
    if (header.idr) {
        pictures_.clear();
        next_number_ = 0;
        header.idr_pic_id = idr_pic_id_ ^= 1U;
    }
    header.frame_num = second ? first_field_->frame_num : next_number_;
    header.poc = order_counts(job);
    if (reference && !second && !header.idr) header.drop = take_out(job);

    std::vector<std::uint8_t> units;
    for (std::size_t i = 0; i < slices->size(); ++i) {
        for (unsigned list = 0; list < 2; ++list) {
            header.lists[list].clear();
            for (const auto& entry : lists[i][list])
                header.lists[list].push_back(
                    {find(job, job.slots[entry->slot])->number, entry->fields});
        }
        append_slice(units, job, (*slices)[i], header);
    }
    H264Codec::Outcome outcome = run(job, units, job.field);
    const AVFrame* frame = second ? first_field_->frame.get() : outcome.frame.get();
    if (!outcome.complete || frame == nullptr || (second && outcome.frame)) {
        start_again();
        return bad_stream("macroblocks are missing or damaged");
    }
    MemoryWrites writes = picture_writes(job, *frame);
    if (!outcome.healthy) {
        start_again();
        return writes;
    }

    // What the next picture finds.
    if (reference && second) {
        for (Picture& picture : pictures_) {
            if (picture.number.frame_num != header.frame_num) continue;
            picture.number.fields = both_fields;
            picture.poc[job.bottom ? 1 : 0] = header.poc[job.bottom ? 1 : 0];
        }
    } else if (reference) {
        pictures_.push_back({{header.frame_num, -1, job.structure()},
                             job.output,
                             header.poc,
                             !job.field,
                             FramePointer(av_frame_clone(frame))});
        next_number_ = (header.frame_num + 1) & number_mask;
    }
    if (second || !job.field)
        first_field_.reset();
    else
        first_field_ = FirstField{job.output, job.structure(), header.frame_num, reference,
                                  FramePointer(av_frame_clone(frame))};
    return writes;
}

/// Sees to it that the decoder has all pictures that the slices name.
Result<void> H264Stream::prepare(const H264Job& job, const Slots& used, bool reference) {
    const std::array<unsigned, 6> geometry{job.mb_width, job.mb_height,  job.frame_mbs_only,
                                           job.mbaff,    job.monochrome, job.direct_8x8_inference};
    if (geometry != geometry_) start_again();
    geometry_ = geometry;
    // The buffer is written anew: what was decoded into it before is gone, unless this is the other
    // field of it.
    const bool continued =
        std::any_of(job.slots.begin(), job.slots.end(),
                    [&](const H264Slot& slot) { return slot.fields != 0 && job.is_output(slot); });
    if (!continued && !is_second_field(job, reference))
        for (Picture& picture : pictures_)
            if (picture.address == job.output) picture.address = 0;

    if (!codec_) {
        auto codec = H264Codec::create();
        if (!codec) return tl::make_unexpected(codec.error());
        codec_ = std::move(*codec);
    }
    for (const std::size_t i : used) {
        if (find(job, job.slots[i]) != nullptr) continue;
        if (auto done = put_in(job, job.slots[i]); !done) return done;
        ++replaced_;
    }
    // More pictures than the decoder holds: putting one in has pushed another one out.
    for (const std::size_t i : used)
        if (find(job, job.slots[i]) == nullptr) return bad_stream("more references than can be");
    return {};
}

bool H264Stream::is_second_field(const H264Job& job, bool reference) const {
    return first_field_ && job.field && first_field_->address == job.output &&
           (first_field_->field ^ job.structure()) == both_fields &&
           first_field_->reference == reference;
}

H264Stream::Picture* H264Stream::find(const H264Job& job, const H264Slot& slot) {
    const auto fits = [&](const Picture& picture) {
        if (picture.address != slot.address || (picture.number.fields & slot.fields) != slot.fields)
            return false;
        if (picture.number.long_term != (slot.long_term ? static_cast<int>(slot.number) : -1))
            return false;
        if (picture.frame_coded)
            return job.mbaff ? picture.poc == slot.poc
                             : *std::min_element(picture.poc.begin(), picture.poc.end()) ==
                                   *std::min_element(slot.poc.begin(), slot.poc.end());
        for (std::size_t i = 0; i < 2; ++i)
            if ((slot.fields >> i & 1U) != 0 && picture.poc[i] != slot.poc[i]) return false;
        return true;
    };
    const auto found = std::find_if(pictures_.rbegin(), pictures_.rend(), fits);
    return found == pictures_.rend() ? nullptr : &*found;
}

/// A picture with the slot's numbers, for pixels to be loaded into.
Result<void> H264Stream::put_in(const H264Job& job, const H264Slot& slot) {
    const auto decode = [&](CodecHeader header, FieldMask structure,
                            std::uint64_t address) -> Result<void> {
        if (sent_parameters_.empty()) {
            header.idr = true;
            next_number_ = 0;
        } else {
            header.drop = take_out(job);
        }
        if (first_field_ && !first_field_->reference)
            next_number_ = (next_number_ + 1) & number_mask;
        first_field_.reset();
        header.frame_num = next_number_;
        header.poc = slot.poc;
        std::vector<std::uint8_t> units;
        append_synthetic(units, job, structure, header);
        H264Codec::Outcome outcome = run(job, units, structure != both_fields);
        if (!outcome.complete || !outcome.healthy || !outcome.frame)
            return bad_stream("a reference that cannot be put in");
        pictures_.push_back({{header.frame_num, header.long_term, structure},
                             address,
                             slot.poc,
                             structure == both_fields,
                             std::move(outcome.frame)});
        next_number_ = (next_number_ + 1) & number_mask;
        return {};
    };
    CodecHeader header;
    if (slot.long_term) {
        // An IDR picture cannot have any long term index.
        if (sent_parameters_.empty())
            if (auto first = decode({}, both_fields, 0); !first) return first;
        header.long_term = static_cast<int>(slot.number);
        if (slot.number > 15) return bad_stream("a long term index above 15");
        // The index is taken from who had it.
        for (Picture& picture : pictures_)
            if (picture.number.long_term == header.long_term) picture.address = 0;
    }
    return decode(header, job.is_output(slot) ? slot.fields : both_fields, slot.address);
}

Result<void> H264Stream::load(const H264Job& job, const Dma& dma, const Slots& used) {
    for (const std::size_t i : used) {
        const H264Slot& slot = job.slots[i];
        const auto pixels = dma.slice(slot.address, job.frame_size());
        if (!pixels) return tl::make_unexpected(pixels.error());
        load_picture(job, *pixels, *find(job, slot)->frame);
    }
    return {};
}

std::vector<CodecNumber> H264Stream::take_out(const H264Job& job) {
    std::set<const Picture*> named;
    for (const H264Slot& slot : job.slots)
        if (slot.fields != 0) named.insert(find(job, slot));
    std::vector<CodecNumber> numbers;
    const auto take = [&](std::vector<Picture>::iterator picture) {
        numbers.push_back(picture->number);
        return pictures_.erase(picture);
    };
    std::vector<std::uint32_t> stale;
    for (const Picture& picture : pictures_)
        if (!named.contains(&picture)) stale.push_back(picture.number.frame_num);
    for (auto picture = pictures_.begin(); picture != pictures_.end();) {
        const bool out =
            std::find(stale.begin(), stale.end(), picture->number.frame_num) != stale.end();
        picture = out ? take(picture) : picture + 1;
    }
    if (pictures_.size() >= codec_ref_frames) {
        auto oldest = std::find_if(pictures_.begin(), pictures_.end(), [](const Picture& picture) {
            return picture.number.long_term < 0;
        });
        take(oldest == pictures_.end() ? pictures_.begin() : oldest);
    }
    return numbers;
}

std::array<std::int32_t, 2> H264Stream::order_counts(const H264Job& job) const {
    if (job.field || job.mbaff || job.frame_mbs_only) return job.poc;
    // Only the smaller one is programmed: as far apart as in the reference nearest in time.
    std::int32_t apart = 1, nearest = INT32_MAX;
    for (const H264Slot& slot : job.slots) {
        if (slot.fields == 0) continue;
        const std::int32_t distance = std::abs(slot.poc[0] - job.poc[0]);
        if (distance >= nearest || std::abs(slot.poc[1] - slot.poc[0]) > 2) continue;
        nearest = distance;
        apart = slot.poc[1] - slot.poc[0];
    }
    return {job.poc[0] + std::max(-apart, 0), job.poc[0] + std::max(apart, 0)};
}

H264Codec::Outcome H264Stream::run(const H264Job& job, const std::vector<std::uint8_t>& units,
                                   bool field) {
    std::vector<std::uint8_t> parameters = write_parameter_sets(job), packet;
    if (parameters != sent_parameters_) packet = parameters;
    sent_parameters_ = std::move(parameters);
    packet.insert(packet.end(), units.begin(), units.end());
    return codec_->decode(packet, job.mb_height / (field ? 2U : 1U));
}

void H264Stream::start_again() {
    codec_.reset();
    sent_parameters_.clear();
    pictures_.clear();
    first_field_.reset();
    next_number_ = 0;
}

}  // namespace relfence::board::vpu
