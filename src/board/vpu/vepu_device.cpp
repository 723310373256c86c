// SPDX-License-Identifier: MIT
#include <vector>

#include <relfence/board/vpu.hpp>

#include "board/vpu/jpeg_encode.hpp"
#include "board/vpu/jpeg_registers.hpp"
#include "board/vpu/vepu2_registers.hpp"

namespace relfence::board {
namespace {

const std::vector<regs::Register>& all_registers() {
    static const std::vector<regs::Register> rows = [] {
        std::vector<regs::Register> list{vpu::jpeg::registers.begin(), vpu::jpeg::registers.end()};
        list.insert(list.end(), vpu::vepu2::registers.begin(), vpu::vepu2::registers.end());
        return list;
    }();
    return rows;
}

/// What a job leaves for the registers. Written by the computation, read when it is done.
struct Outcome {
    std::uint32_t bits = 0;
    bool buffer_full = false;
};

class Vepu final : public DeviceModel {
  public:
    Vepu(Environment environment, InterruptLine& line, VpuOptions options)
        : name_{std::move(options.name)},
          environment_{environment},
          line_{line},
          registers_{name_, vpu::vepu2::block_size, all_registers(), vpu::vepu2::fields},
          jobs_{name_, environment, std::move(options.jobs)} {
        registers_.add_view(vpu::jpeg::fields);
        registers_.on_unknown(
            [this](const std::string& text) { environment_.log.driver_bug(name_, text); });
    }

    [[nodiscard]] std::string_view name() const override { return name_; }

    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override {
        return registers_.read(offset);
    }

    void write(std::uint32_t offset, std::uint32_t value) override {
        const bool enabled = registers_.get(vpu::jpeg::encode_enable) != 0;
        registers_.write(offset, value);
        if (offset == vpu::vepu2::interrupt) {
            spurious_ = false;
            update_line();
        } else if (offset == vpu::jpeg::encode_enable.offset) {
            if (const bool enable = registers_.get(vpu::jpeg::encode_enable) != 0;
                enable != enabled)
                enable ? start() : jobs_.abort();
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
        registers_.put(vpu::vepu2::irq_dis, 0);  // see make_vepu()
        auto outcome = std::make_shared<Outcome>();
        jobs_.start(
            [outcome, registers = registers_, &dma = environment_.dma]() -> Result<MemoryWrites> {
                auto scan = vpu::encode_jpeg(registers, dma);
                if (!scan) return tl::make_unexpected(scan.error());
                *outcome = {scan->bits, scan->buffer_full};
                return std::move(scan->writes);
            },
            [this, outcome](JobEnd end) { ended(end, *outcome); },
            [this] {
                spurious_ = true;
                update_line();
            });
    }

    void ended(JobEnd end, const Outcome& outcome) {
        // An interrupt that comes after a reset changes nothing of what was started since.
        if (!jobs_.running()) {
            registers_.put(vpu::jpeg::encode_enable, 0);
            if (end == JobEnd::done) registers_.set(vpu::jpeg::stream_limit, outcome.bits);
        }
        // The engine has no status for a picture that it cannot encode but that of its watchdog.
        registers_.put(end == JobEnd::bus_error ? vpu::vepu2::bus_error
                       : end == JobEnd::error   ? vpu::vepu2::timeout
                       : outcome.buffer_full    ? vpu::vepu2::buffer_full
                                                : vpu::vepu2::frame_ready,
                       1);
        registers_.put(vpu::vepu2::irq, 1);
        update_line();
    }

    void update_line() {
        line_.set(spurious_ || (registers_.get(vpu::vepu2::irq) != 0 &&
                                registers_.get(vpu::vepu2::irq_dis) == 0));
    }

    std::string name_;
    Environment environment_;
    InterruptLine& line_;
    regs::RegisterBank registers_;
    bool spurious_ = false;
    JobRunner jobs_;
};

}  // namespace

std::unique_ptr<DeviceModel> make_vepu(Environment environment, InterruptLine& line,
                                       VpuOptions options) {
    return std::make_unique<Vepu>(environment, line, std::move(options));
}

}  // namespace relfence::board
