// SPDX-License-Identifier: MIT
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <relfence/board/rga.hpp>
#include <relfence/regs/register_bank.hpp>

#include "rga_command.hpp"
#include "rga_mmu.hpp"
#include "rga_pixels.hpp"
#include "rga_registers.hpp"

namespace relfence::board {

namespace {

using namespace rga;

/// What a job needs, once its command was understood.
struct Job {
    Blit blit;
    PageMap source;
    PageMap target;
};

class Rga final : public DeviceModel {
  public:
    Rga(Environment environment, InterruptLine& line, RgaOptions options)
        : environment_(environment),
          line_(line),
          options_(std::move(options)),
          registers_(options_.name, kBlockSize, kRegisters, kFields),
          jobs_(options_.name, environment, options_.jobs) {
        registers_.on_unknown([this](const std::string& what) { complain(what); });
        registers_.set(kVersion, options_.version);
    }

    [[nodiscard]] std::string_view name() const override { return options_.name; }
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override {
        return registers_.read(offset);
    }

    void write(std::uint32_t offset, std::uint32_t value) override {
        registers_.write(offset, value);
        switch (offset) {
            case kSysCtrl:
                system_control(value);
                break;
            case kCmdCtrl:
                if ((value & field::cmd_line_st_p.mask()) != 0) start_from_memory();
                break;
            case kInt:
                // Each flag is cleared by the bit four positions up.
                registers_.set(kInt, registers_.value(kInt) & ~((value >> 4) & 0xf));
                update_line();
                break;
            default:
                break;
        }
    }

    void reset() override {
        abort();
        registers_.reset();
        registers_.set(kVersion, options_.version);
        update_line();
    }

  private:
    void complain(std::string_view text) { environment_.log.driver_bug(options_.name, text); }

    void abort() {
        jobs_.abort();
        registers_.put(field::busy, 0);
    }

    void system_control(std::uint32_t value) {
        // Either clock domain's reset stops the engine; the registers stay, as what the vendor's
        // driver does after it (nothing) implies.
        if ((value & (field::aclk_sreset_p.mask() | field::cclk_sreset_p.mask())) != 0) {
            abort();
            registers_.set(kStatus2, 0);
        }
        if ((value & field::cmd_op_st_p.mask()) == 0) return;
        if (registers_.get(field::cmd_mode) != 0)
            complain("RGA_SYS_CTRL starts a command while commands are taken from memory");
        else
            start();
    }

    void start_from_memory() {
        if (registers_.get(field::cmd_mode) == 0) {
            complain("RGA_CMD_CTRL starts a command in memory without command mode");
            return;
        }
        if (busy()) return;
        const auto bytes =
            environment_.dma.slice(registers_.value(kCmdBase), std::uint64_t{kCommandWords} * 4);
        if (!bytes) {
            complain("RGA_CMD_BASE: the command is outside of memory");
            registers_.put(field::bus_error, 1);
            run([] { return Result<MemoryWrites>(fail("fetch", "command")); }, false);
            return;
        }
        for (std::uint32_t i = 0; i < kCommandWords; ++i) {
            std::uint32_t word = 0;
            std::memcpy(&word, bytes->data() + i * sizeof word, sizeof word);
            registers_.write(kCommandBlock + i * 4, word);
        }
        start();
    }

    [[nodiscard]] bool busy() {
        if (jobs_.running()) complain("a command is started while another one runs");
        return jobs_.running();
    }

    /// Understands the command registers and begins the job. Page tables are read here and now:
    /// what a driver does to them later is of no consequence to a real job in flight either, once
    /// it has been prefetched.
    void start() {
        if (busy()) return;
        std::vector<std::string> complaints;
        auto job = prepare(complaints);
        for (const std::string& complaint : complaints) complain(complaint);
        if (!job) {
            // A bad address is reported by the runner.
            if (job.error().code != EFAULT) complain(job.error().message());
            // Fails when it is its time to, with the faults and the duration of any other job.
            run([error = job.error()] { return Result<MemoryWrites>(tl::unexpected(error)); },
                false);
            return;
        }
        environment_.log.event(options_.name, describe((*job)->blit));
        run([job = *job,
             &dma = environment_.dma] { return render(job->blit, dma, job->source, job->target); },
            (*job)->blit.interrupt_per_command);
    }

    Result<std::shared_ptr<const Job>> prepare(std::vector<std::string>& complaints) {
        auto blit = decode(registers_, complaints);
        if (!blit) return tl::unexpected(blit.error());
        auto job = std::make_shared<Job>();
        job->blit = *blit;
        const auto walk = [&](const Surface& surface, const char* what) {
            return PageMap::walk(environment_.dma, surface.translation,
                                 std::span(surface.planes).first(surface.plane_count), what,
                                 complaints);
        };
        if (!blit->fill) {
            auto source = walk(blit->source, "source");
            if (!source) return tl::unexpected(source.error());
            job->source = std::move(*source);
        }
        auto target = walk(blit->target, "destination");
        if (!target) return tl::unexpected(target.error());
        job->target = std::move(*target);
        return job;
    }

    void run(JobRunner::Compute compute, bool interrupt_per_command) {
        registers_.put(field::busy, 1);
        jobs_.start(
            std::move(compute),
            [this, interrupt_per_command](JobEnd end) { ended(end, interrupt_per_command); },
            // No flag: the line falls when the driver next writes RGA_INT.
            [this] { line_.set(true); });
    }

    void ended(JobEnd end, bool interrupt_per_command) {
        // The late interrupt of a job that was aborted can come while the next one runs.
        registers_.put(field::busy, jobs_.running() ? 1 : 0);
        switch (end) {
            case JobEnd::done:
                registers_.put(field::all_done_flag, 1);
                if (interrupt_per_command) registers_.put(field::current_done_flag, 1);
                break;
            case JobEnd::bus_error:
                registers_.put(field::mmu_flag, 1);
                break;
            case JobEnd::error:
                registers_.put(field::error_flag, 1);
                registers_.put(field::rpp_error, 1);
                break;
        }
        update_line();
    }

    /// The line is one function of flags and enables; RGA_MODE_CTRL has the enable of the fourth.
    void update_line() {
        const std::uint32_t value = registers_.value(kInt);
        const std::uint32_t enables =
            ((value >> 8) & 0x7) | registers_.get(field::current_done_enable) << 3;
        line_.set((value & 0xf & enables) != 0);
    }

    Environment environment_;
    InterruptLine& line_;
    RgaOptions options_;
    regs::RegisterBank registers_;
    JobRunner jobs_;
};

}  // namespace

std::unique_ptr<DeviceModel> make_rga(Environment environment, InterruptLine& line,
                                      RgaOptions options) {
    return std::make_unique<Rga>(environment, line, std::move(options));
}

}  // namespace relfence::board
