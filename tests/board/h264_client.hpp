// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "board/vpu/h264_decoder.hpp"
#include "h264_driver.hpp"
#include "h264_streams.hpp"

namespace relfence::board {

/// The board's end: memory, the registers of one decoder, and the engine behind them, which all
/// clients share.
struct H264Hardware {
    H264Hardware();
    PlainDma dma{96U << 20};
    regs::RegisterBank registers;
    vpu::H264Decoder engine;
};

/// A client with a stream and an open device node, and a few buffers that it uses again and again.
class H264Client {
  public:
    /// Throws when the stream cannot be parsed.
    H264Client(H264Hardware& hardware, std::vector<std::uint8_t> stream);

    [[nodiscard]] const std::vector<stateless::H264CodedPicture>& pictures() const {
        return pictures_;
    }
    [[nodiscard]] bool ended() const { return next_ == pictures_.size(); }
    [[nodiscard]] const stateless::H264CodedPicture& next() const { return pictures_[next_]; }
    /// Has the driver program the next picture.
    void program();
    /// Its stream, in memory.
    [[nodiscard]] std::span<std::uint8_t> source();
    /// Runs what is programmed, and goes on to the next picture.
    Result<MemoryWrites> run();
    /// The job is lost: nothing runs.
    void pass_over();
    /// Puts what a job wrote into memory. When its frame is complete, compares it.
    void apply(const MemoryWrites& writes);
    /// All of it for the next picture; a failure of the job is one of the test.
    void decode_next();
    void decode_all();

    [[nodiscard]] std::size_t frames() const { return expected_.size(); }
    [[nodiscard]] std::size_t compared() const { return compared_; }
    /// Frames that came out otherwise than libavcodec decodes the whole stream, in coding order.
    [[nodiscard]] const std::vector<std::size_t>& wrong_frames() const { return wrong_; }
    /// Pixels of the buffer of a frame, as long as it has one.
    [[nodiscard]] std::span<std::uint8_t> buffer(std::size_t frame);
    [[nodiscard]] const ShownFrame& expected(std::size_t frame) const {
        return expected_.at(frame);
    }
    [[nodiscard]] std::size_t wrong_pixels(std::size_t frame);

  private:
    [[nodiscard]] std::uint64_t free_buffer();

    H264Hardware& hardware_;
    std::vector<stateless::H264CodedPicture> pictures_;
    std::map<std::size_t, ShownFrame> expected_;
    std::uint32_t width_ = 0, height_ = 0;
    std::vector<std::uint64_t> buffers_;
    std::map<std::uint64_t, std::uint64_t> by_timestamp_;
    std::uint64_t source_ = 0, tables_ = 0;
    H264Driver driver_;
    std::size_t next_ = 0, done_ = 0, compared_ = 0;
    std::vector<std::size_t> wrong_;
};

}  // namespace relfence::board
