// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

class Vp8Codec;

/// The VP8 decoder of VDPU2 (dec_mode 10): what a job writes, from nothing but its registers and
/// the memory that they point to.
///
/// Pixels are libvpx's. What is kept from one job to the next is memory alone (codecs with frame
/// buffers of the right size), so jobs of several streams may alternate. Not thread-safe: one job
/// after the other, from any thread.
class Vp8Decoder {
  public:
    Vp8Decoder();
    Vp8Decoder(Vp8Decoder&& other) noexcept;
    Vp8Decoder& operator=(Vp8Decoder&& other) noexcept;
    ~Vp8Decoder();

    /// @return the rows of macroblocks from top to bottom, luma then chroma of each, then the
    ///         segment map if the frame has a new one. EFAULT: the job reads or writes where there
    ///         is no memory (a bus error). EBADMSG: what is there is no frame (a stream error)
    [[nodiscard]] Result<MemoryWrites> decode(const regs::RegisterBank& registers, const Dma& dma);

  private:
    [[nodiscard]] Result<std::shared_ptr<Vp8Codec>> codec_for(unsigned width, unsigned height);

    /// By size, the last used first: two streams of different sizes may alternate.
    std::vector<std::shared_ptr<Vp8Codec>> codecs_;
};

}  // namespace relfence::board::vpu
