// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include <relfence/regs/register_bank.hpp>

#include "plain_dma.hpp"
#include "stateless/h264_headers.hpp"

namespace relfence::board {

/// An open device node of the guest's driver: what hantro_h264.c keeps from job to job. Programs
/// registers and tables as hantro_h264_dec_prepare_run() and rockchip_vpu2_h264_dec_run() do.
class H264Driver {
  public:
    /// Bytes of struct hantro_h264_dec_priv_tbl.
    static constexpr std::size_t table_size = 460 * 2 * 4 + 34 * 4 + 6 * 16 + 2 * 64;

    /// @param tables address of its table @param width,height of the OUTPUT format
    H264Driver(std::uint64_t tables, std::uint32_t width, std::uint32_t height)
        : tables_{tables}, width_{width}, height_{height} {}

    /// Where the CAPTURE buffer with a timestamp is; 0: there is none.
    using FindBuffer = std::function<std::uint64_t(std::uint64_t timestamp)>;

    void program(const stateless::H264CodedPicture& controls, std::uint64_t source,
                 std::uint32_t source_size, std::uint64_t destination, const FindBuffer& find,
                 PlainDma& dma, regs::RegisterBank& registers);

  private:
    struct Reference {
        std::uint8_t index;
        std::uint8_t fields;
    };
    using List = std::vector<Reference>;

    void update_references(const v4l2_ctrl_h264_decode_params& decode);
    void write_tables(const stateless::H264CodedPicture& controls, PlainDma& dma);
    [[nodiscard]] std::array<List, 3> build_lists(const stateless::H264CodedPicture& controls);
    void set_parameters(const stateless::H264CodedPicture& controls, std::uint32_t source_size,
                        regs::RegisterBank& registers) const;
    void set_references(const std::array<List, 3>& lists, std::uint64_t destination,
                        const FindBuffer& find, regs::RegisterBank& registers) const;
    void set_buffers(const stateless::H264CodedPicture& controls, std::uint64_t source,
                     std::uint64_t destination, regs::RegisterBank& registers) const;

    std::uint64_t tables_;
    std::uint32_t width_, height_;
    std::array<v4l2_h264_dpb_entry, 16> dpb_{};
    std::uint32_t valid_ = 0, long_term_ = 0;
    std::int32_t current_poc_ = 0;
};

}  // namespace relfence::board
