// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

class H264Stream;

/// The H.264 engine of VDPU2: decodes a frame or a field as rockchip_vpu2_h264_dec_run() programs
/// it.
///
/// Stateless as the hardware is, but for one thing: what the hardware keeps in the motion vector
/// buffer behind each picture (vectors and reference indices, for direct prediction in B slices) is
/// kept here, in a libavcodec decoder per stream. A stream is known by its table of
/// `sw_qtable_base`, of which the driver has one per open device node. Everything else comes from
/// registers and memory with each job: parameter sets are rebuilt from them, slice headers are
/// rewritten with the programmed order counts and lists, and pixels of references are read from the
/// guest's memory at the programmed addresses. A reference that the decoder does not know (a job
/// was lost, or belonged to another stream) is put in with the guest's pixels.
///
/// Limits:
/// - such a reference has no motion: direct prediction from it is that from an intra picture;
/// - of a frame in a sequence with fields but without MBAFF the driver programs the smaller order
///   count only; the other is taken to be as far away as in the frames before, which matters for
///   implicit weights and temporal prediction in B fields;
/// - of frames in which only the field of this picture's parity is a reference the driver leaves
///   the place in the list to the hardware, and how that decides is not known: here as H.264 says;
/// - arbitrary slice order and data partitions are refused; slice groups have no register.
///
/// One call at a time, from any thread.
class H264Decoder {
  public:
    H264Decoder();
    ~H264Decoder();
    H264Decoder(H264Decoder&&) noexcept;
    H264Decoder& operator=(H264Decoder&&) noexcept;

    /// Decodes what is programmed.
    /// @return what the job writes: for each row of macroblocks its luma, then its chroma (NV12),
    ///         of a field line by line. EFAULT for a bad address, EBADMSG for a stream that cannot
    ///         be decoded or a mode that is not modelled
    [[nodiscard]] Result<MemoryWrites> decode(const regs::RegisterBank& registers, const Dma& dma);

    /// How many references were put in without their motion, for tests and for the log.
    [[nodiscard]] std::uint64_t replaced_references() const { return replaced_; }

  private:
    struct Streams;
    std::unique_ptr<Streams> streams_;
    std::uint64_t replaced_ = 0;
};

}  // namespace relfence::board::vpu
