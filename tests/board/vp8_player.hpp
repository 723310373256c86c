// SPDX-License-Identifier: MIT
// A stateless client, the driver and the memory of a guest around the VP8 engine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <relfence/board/device_model.hpp>

#include "board/vpu/vp8_decoder.hpp"
#include "stateless/vp8_parser.hpp"
#include "stateless/vp8_references.hpp"
#include "vp8_driver.hpp"

namespace relfence::testing {

/// Memory from some address on, and nothing else.
class PlainMemory final : public board::Dma {
  public:
    explicit PlainMemory(std::size_t bytes) : bytes_(bytes) {}
    [[nodiscard]] Result<std::span<std::byte>> slice(std::uint64_t address,
                                                     std::uint64_t length) const override;
    /// @p length bytes on a page of their own.
    [[nodiscard]] std::uint32_t allocate(std::size_t length);
    [[nodiscard]] std::span<std::byte> at(std::uint64_t address, std::uint64_t length) const;

  private:
    static constexpr std::uint64_t base = 0x40000000;
    mutable std::vector<std::byte> bytes_;
    std::size_t used_ = 0;
};

/// Plays one stream through an engine: each frame is parsed, programmed, computed and written to
/// memory as if by the hardware.
class Vp8Player {
  public:
    /// Called after the registers are programmed, to break something.
    using Tamper = std::function<void(regs::RegisterBank&, PlainMemory&, const Vp8Buffers&)>;

    /// @param engine borrowed: several players may share one
    explicit Vp8Player(board::vpu::Vp8Decoder& engine) : engine_{engine} {}
    void tamper_with(Tamper tamper) { tamper_ = std::move(tamper); }

    /// Gives no pictures back, to measure times.
    void skip_pictures() { skip_pictures_ = true; }
    /// How long the engine took so far, see processor_seconds().
    [[nodiscard]] double seconds() const { return seconds_; }

    /// @return what the stream shows after the frame, I420 without padding; nothing for a frame
    ///         that is not shown
    [[nodiscard]] Result<std::optional<std::vector<std::uint8_t>>> play(
        std::span<const std::uint8_t> frame);

  private:
    struct Picture {
        std::uint32_t address = 0;
        std::uint64_t timestamp = 0;
    };
    void make_buffers(unsigned width, unsigned height);
    [[nodiscard]] std::uint32_t address_of(std::uint64_t timestamp) const;
    [[nodiscard]] std::vector<std::uint8_t> cropped(std::uint32_t address) const;

    board::vpu::Vp8Decoder& engine_;
    Tamper tamper_;
    stateless::Vp8Parser parser_;
    stateless::Vp8References references_;
    regs::RegisterBank registers_ = vdpu2_registers();
    std::optional<PlainMemory> memory_;
    Vp8Buffers buffers_;
    std::vector<Picture> pictures_;
    bool skip_pictures_ = false;
    double seconds_ = 0;
    unsigned width_ = 0;
    unsigned height_ = 0;
    std::uint64_t next_timestamp_ = 1000;
};

/// The same through libvpx alone: the frames that a stream shows.
[[nodiscard]] std::vector<std::vector<std::uint8_t>> play_with_libvpx(
    const std::vector<std::vector<std::uint8_t>>& frames);

/// The processor time of this thread.
[[nodiscard]] double processor_seconds();
[[nodiscard]] std::string md5(std::span<const std::uint8_t> bytes);

}  // namespace relfence::testing
