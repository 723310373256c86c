// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "board/vpu/mpeg2_decode.hpp"
#include "board/vpu/mpeg2_registers.hpp"
#include "mpeg2_driver.hpp"
#include "mpeg2_streams.hpp"
#include "stateless/mpeg2_headers.hpp"

namespace relfence::board {

/// The board's end: memory and the registers of one decoder, which all clients share.
struct Mpeg2Hardware {
    PlainDma dma{24U << 20};
    regs::RegisterBank registers{"vdpu", 0x400, vpu::mpeg2::registers, vpu::mpeg2::fields};
};

/// A client with a stream, and a buffer for each of its frames.
class Mpeg2Client {
  public:
    Mpeg2Client(Mpeg2Hardware& hardware, std::vector<std::uint8_t> stream)
        : hardware_{hardware}, stream_{std::move(stream)} {
        auto parsed = stateless::parse_mpeg2(stream_);
        if (!parsed) throw std::runtime_error{parsed.error().message()};
        pictures_ = std::move(*parsed);
        expected_ = decode_whole(stream_);
        width_ = (pictures_[0].sequence.horizontal_size + 15U) / 16 * 16;
        height_ = (pictures_[0].sequence.vertical_size + 15U) / 16 * 16;
        for (std::size_t i = 0; i <= pictures_.back().frame; ++i) {
            buffers_.push_back(hardware.dma.allocate(frame_size()));
            std::ranges::fill(frame(i), std::uint8_t{0xee});
        }
        quantisation_ = hardware.dma.allocate(vpu::mpeg2::quantisation_size);
        source_ = hardware.dma.allocate(stream_.size());
    }

    [[nodiscard]] const std::vector<stateless::Mpeg2CodedPicture>& pictures() const {
        return pictures_;
    }
    [[nodiscard]] bool ended() const { return next_ == pictures_.size(); }
    [[nodiscard]] std::uint32_t width() const { return width_; }
    [[nodiscard]] std::uint32_t height() const { return height_; }
    [[nodiscard]] std::size_t frame_size() const { return std::size_t{width_} * height_ * 3 / 2; }
    [[nodiscard]] std::span<std::uint8_t> frame(std::size_t number) {
        return hardware_.dma.at(buffers_[number], frame_size());
    }

    [[nodiscard]] Mpeg2Job job(std::size_t number) {
        const stateless::Mpeg2CodedPicture& picture = pictures_[number];
        std::ranges::copy(picture.slices, hardware_.dma.at(source_, picture.slices.size()).begin());
        Mpeg2Job job;
        job.controls = &picture;
        job.width = width_;
        job.height = height_;
        job.source = source_;
        job.source_size = static_cast<std::uint32_t>(picture.slices.size());
        job.destination = buffers_[picture.frame];
        job.forward = picture.forward ? buffers_[*picture.forward] : 0;
        job.backward = picture.backward ? buffers_[*picture.backward] : 0;
        job.quantisation = quantisation_;
        return job;
    }

    Result<MemoryWrites> run(const Mpeg2Job& job) {
        program_mpeg2(job, hardware_.dma, hardware_.registers);
        return vpu::decode_mpeg2(hardware_.registers, hardware_.dma);
    }

    /// Decodes the next picture into its buffer.
    void decode_next() {
        auto writes = run(job(next_++));
        ASSERT_TRUE(writes) << writes.error().message();
        hardware_.dma.apply(*writes);
    }

    /// Pixels of a frame in memory that are not as libavcodec decodes the whole stream.
    [[nodiscard]] std::size_t wrong_pixels(std::size_t number) {
        const DecodedFrame& expected = expected_.at(number);
        const auto pixels = frame(number);
        auto differences = [&](const std::vector<std::uint8_t>& plane, std::size_t from) {
            std::size_t wrong = 0;
            const std::size_t line = expected.width;
            for (std::size_t i = 0; i < plane.size(); ++i)
                if (plane[i] != pixels[from + i / line * width_ + i % line]) ++wrong;
            return wrong;
        };
        return differences(expected.luma, 0) +
               differences(expected.chroma, std::size_t{width_} * height_);
    }
    [[nodiscard]] std::size_t wrong_frames() {
        std::size_t wrong = 0;
        for (const auto& [number, frame] : expected_)
            if (wrong_pixels(number) != 0) ++wrong;
        return wrong;
    }
    [[nodiscard]] std::size_t frames() const { return expected_.size(); }

  private:
    Mpeg2Hardware& hardware_;
    std::vector<std::uint8_t> stream_;
    std::vector<stateless::Mpeg2CodedPicture> pictures_;
    std::map<std::size_t, DecodedFrame> expected_;
    std::uint32_t width_ = 0, height_ = 0;
    std::vector<std::uint64_t> buffers_;
    std::uint64_t quantisation_ = 0, source_ = 0;
    std::size_t next_ = 0;
};

}  // namespace relfence::board
