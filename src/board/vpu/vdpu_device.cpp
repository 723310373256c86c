// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <relfence/board/vpu.hpp>

#include "board/vpu/h264_decoder.hpp"
#include "board/vpu/h264_fields.hpp"
#include "board/vpu/memory_check.hpp"
#include "board/vpu/mpeg2_decode.hpp"
#include "board/vpu/mpeg2_registers.hpp"
#include "board/vpu/vdpu2_registers.hpp"
#include "board/vpu/vp8_decoder.hpp"
#include "board/vpu/vp8_fields.hpp"

namespace relfence::board {
namespace {

/// The codecs' state. Computations hold it, so that it may outlive the device.
struct Codecs {
    vpu::Vp8Decoder vp8;
    vpu::H264Decoder h264;
};

Result<MemoryWrites> decode(Codecs& codecs, const regs::RegisterBank& registers, const Dma& dma) {
    switch (registers.get(vpu::vdpu2::dec_mode)) {
        case vpu::vdpu2::dec_mode_vp8:
            return codecs.vp8.decode(registers, dma);
        case vpu::vdpu2::dec_mode_h264:
            return codecs.h264.decode(registers, dma);
        case vpu::vdpu2::dec_mode_mpeg2:
            return vpu::decode_mpeg2(registers, dma);
        default:
            return fail("is no decoding mode that is modelled",
                        fmt::format("sw_dec_mode {}", registers.get(vpu::vdpu2::dec_mode)));
    }
}

class Vdpu final : public DeviceModel {
  public:
    Vdpu(Environment environment, InterruptLine& line, VpuOptions options)
        : name_{std::move(options.name)},
          environment_{environment},
          line_{line},
          registers_{name_, vpu::vdpu2::block_size, vpu::vdpu2::registers, vpu::vdpu2::fields},
          jobs_{name_, environment, std::move(options.jobs)} {
        registers_.add_view(vpu::vp8_fields::all());
        registers_.add_view(vpu::mpeg2::fields);
        registers_.add_view(vpu::h264_fields::all());
        registers_.on_unknown(
            [this](const std::string& text) { environment_.log.driver_bug(name_, text); });
    }

    [[nodiscard]] std::string_view name() const override { return name_; }

    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override {
        return registers_.read(offset);
    }

    void write(std::uint32_t offset, std::uint32_t value) override {
        const bool enabled = registers_.get(vpu::vdpu2::dec_e) != 0;
        registers_.write(offset, value);
        switch (offset) {
            case vpu::vdpu2::interrupt:
                spurious_ = false;
                update_line();
                break;
            case vpu::vdpu2::soft_reset.offset:
                if ((value & vpu::vdpu2::soft_reset.mask()) != 0) reset();
                break;
            case vpu::vdpu2::dec_e.offset:
                if (const bool enable = registers_.get(vpu::vdpu2::dec_e) != 0; enable != enabled)
                    enable ? start() : jobs_.abort();
                break;
            default:
                break;
        }
    }

    void reset() override {
        jobs_.abort();
        registers_.reset();
        spurious_ = false;
        update_line();
    }

  private:
    void start() {
        for (const std::string& complaint : memory_.look(registers_))
            environment_.log.driver_bug(name_, complaint);
        jobs_.start([codecs = codecs_, registers = registers_,
                     &dma = environment_.dma] { return decode(*codecs, registers, dma); },
                    [this](JobEnd end) { ended(end); },
                    [this] {
                        spurious_ = true;
                        update_line();
                    });
    }

    void ended(JobEnd end) {
        // An interrupt that comes after a reset does not stop what was started since.
        if (!jobs_.running()) registers_.put(vpu::vdpu2::dec_e, 0);
        registers_.put(end == JobEnd::done    ? vpu::vdpu2::rdy_int
                       : end == JobEnd::error ? vpu::vdpu2::error_int
                                              : vpu::vdpu2::bus_int,
                       1);
        registers_.put(vpu::vdpu2::irq, 1);
        update_line();
    }

    void update_line() {
        line_.set(spurious_ || (registers_.get(vpu::vdpu2::irq) != 0 &&
                                registers_.get(vpu::vdpu2::irq_dis) == 0));
    }

    std::string name_;
    Environment environment_;
    InterruptLine& line_;
    regs::RegisterBank registers_;
    std::shared_ptr<Codecs> codecs_ = std::make_shared<Codecs>();
    vpu::MemoryCheck memory_;
    bool spurious_ = false;
    JobRunner jobs_;
};

}  // namespace

std::unique_ptr<DeviceModel> make_vdpu(Environment environment, InterruptLine& line,
                                       VpuOptions options) {
    return std::make_unique<Vdpu>(environment, line, std::move(options));
}

}  // namespace relfence::board
