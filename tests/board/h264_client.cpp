// SPDX-License-Identifier: MIT
#include "h264_client.hpp"

#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "board/vpu/h264_fields.hpp"
#include "board/vpu/vdpu2_registers.hpp"
#include "board/vpu/vp8_fields.hpp"

namespace relfence::board {
H264Hardware::H264Hardware()
    : registers{"vdpu", vpu::vdpu2::block_size, vpu::vdpu2::registers, vpu::vdpu2::fields} {
    registers.add_view(vpu::h264_fields::all());
    // Of other codecs' views, the first taps of the interpolation filter.
    registers.add_view(vpu::vp8_fields::all());
    registers.on_unknown([](const std::string& text) { ADD_FAILURE() << text; });
}

H264Client::H264Client(H264Hardware& hardware, std::vector<std::uint8_t> stream)
    : hardware_{hardware}, driver_{0, 0, 0} {
    auto parsed = stateless::parse_h264(stream);
    if (!parsed) throw std::runtime_error{parsed.error().message()};
    pictures_ = std::move(*parsed);
    expected_ = decode_whole_h264(stream);
    const v4l2_ctrl_h264_sps& sps = pictures_.front().sps;
    const bool progressive = (sps.flags & V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY) != 0;
    width_ = (sps.pic_width_in_mbs_minus1 + 1U) * 16;
    height_ = (sps.pic_height_in_map_units_minus1 + 1U) * 16 * (progressive ? 1 : 2);
    // Few enough that every buffer is used for many frames; with room for motion vectors.
    const std::size_t size =
        std::size_t{width_} * height_ * 3 / 2 + std::size_t{width_} * height_ / 256 * 64 + 32;
    for (int i = 0; i < sps.max_num_ref_frames + 2; ++i)
        buffers_.push_back(hardware.dma.allocate(size));
    std::size_t longest = 0;
    for (const auto& picture : pictures_) longest = std::max(longest, picture.slices.size());
    source_ = hardware.dma.allocate(longest);
    tables_ = hardware.dma.allocate(H264Driver::table_size);
    driver_ = H264Driver{tables_, width_, height_};
}

std::uint64_t H264Client::free_buffer() {
    std::set<std::uint64_t> busy;
    for (const auto& entry : next().decode.dpb)
        if ((entry.flags & V4L2_H264_DPB_ENTRY_FLAG_VALID) != 0)
            busy.insert(by_timestamp_[entry.reference_ts]);
    // The one that was used longest ago, as a queue gives it.
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
        const std::uint64_t buffer = buffers_[i];
        if (busy.contains(buffer)) continue;
        std::rotate(buffers_.begin() + static_cast<std::ptrdiff_t>(i),
                    buffers_.begin() + static_cast<std::ptrdiff_t>(i) + 1, buffers_.end());
        std::erase_if(by_timestamp_, [&](const auto& entry) { return entry.second == buffer; });
        return buffer;
    }
    throw std::runtime_error{"more references than buffers"};
}

void H264Client::program() {
    const auto& picture = next();
    const std::uint64_t timestamp = stateless::h264_timestamp(picture.frame);
    if (!picture.second_field) {
        const std::uint64_t buffer = free_buffer();
        by_timestamp_[timestamp] = buffer;
        std::ranges::fill(hardware_.dma.at(buffer, std::size_t{width_} * height_ * 3 / 2),
                          std::uint8_t{0xee});
    }
    std::ranges::copy(picture.slices, hardware_.dma.at(source_, picture.slices.size()).begin());
    const auto find = [this](std::uint64_t of) {
        const auto found = by_timestamp_.find(of);
        return found == by_timestamp_.end() ? 0 : found->second;
    };
    driver_.program(picture, source_, static_cast<std::uint32_t>(picture.slices.size()),
                    by_timestamp_.at(timestamp), find, hardware_.dma, hardware_.registers);
}

std::span<std::uint8_t> H264Client::source() {
    return hardware_.dma.at(source_, next().slices.size());
}

Result<MemoryWrites> H264Client::run() {
    done_ = next_++;
    return hardware_.engine.decode(hardware_.registers, hardware_.dma);
}

void H264Client::pass_over() {
    done_ = next_++;
}

void H264Client::apply(const MemoryWrites& writes) {
    hardware_.dma.apply(writes);
    const auto& picture = pictures_[done_];
    if (picture.first_field) return;
    ++compared_;
    if (wrong_pixels(picture.frame) != 0) wrong_.push_back(picture.frame);
}

void H264Client::decode_next() {
    program();
    const auto writes = run();
    ASSERT_TRUE(writes) << "picture " << done_ << ": " << writes.error().message();
    apply(*writes);
}

void H264Client::decode_all() {
    while (!ended()) ASSERT_NO_FATAL_FAILURE(decode_next());
}

std::span<std::uint8_t> H264Client::buffer(std::size_t frame) {
    return hardware_.dma.at(by_timestamp_.at(stateless::h264_timestamp(frame)),
                            std::size_t{width_} * height_ * 3 / 2);
}

std::size_t H264Client::wrong_pixels(std::size_t frame) {
    const ShownFrame& shown = expected_.at(frame);
    const auto pixels = buffer(frame);
    const auto differences = [&](const std::vector<std::uint8_t>& plane, std::size_t from) {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < plane.size(); ++i)
            if (plane[i] != pixels[from + i / shown.width * width_ + i % shown.width]) ++wrong;
        return wrong;
    };
    return differences(shown.luma, 0) + differences(shown.chroma, std::size_t{width_} * height_);
}

}  // namespace relfence::board
