// SPDX-License-Identifier: MIT
#include "board/machine/powered.hpp"

#include <relfence/board/rga.hpp>
#include <relfence/board/vpu.hpp>

namespace relfence::board {
namespace {

std::unique_ptr<DeviceModel> make_engine(const Engine& engine, JobPolicy jobs,
                                         Environment environment, InterruptLine& line) {
    switch (engine.kind) {
        case EngineKind::vdpu:
            return make_vdpu(environment, line, {engine.name, std::move(jobs)});
        case EngineKind::vepu:
            return make_vepu(environment, line, {engine.name, std::move(jobs)});
        case EngineKind::rga_rk3399:
            return make_rga(environment, line, {engine.name, kRgaVersionRk3399, std::move(jobs)});
        case EngineKind::rga_rk3568:
            return make_rga(environment, line, {engine.name, kRgaVersionRk3568, std::move(jobs)});
    }
    return nullptr;
}

}  // namespace

JobPolicy policy_for(const BoardOptions& options, std::string_view engine) {
    JobPolicy policy;
    policy.duration = options.duration;
    for (const FaultRule& rule : options.faults) {
        if (rule.engine != engine) continue;
        if (rule.job == 0) {
            policy.fault = rule.fault;
        } else {
            policy.faults.emplace_back(rule.job, rule.fault);
        }
    }
    return policy;
}

Powered::Powered(const Description& description, const BoardOptions& options,
                 Environment environment, InterruptController& interrupts, PlatformBus& bus,
                 const TimedEngine::Taken& taken)
    : bus_{bus} {
    interrupts.reset();
    std::vector<DeviceModel*> reset_lines;
    std::size_t interrupt = 0;
    for (const Peripheral& device : description.peripherals) {
        for (const Engine& engine : device.engines) {
            engines_.push_back(std::make_unique<TimedEngine>(interrupts.line(interrupt++),
                                                             environment.timeline, taken));
            engines_.back()->drive(make_engine(engine, policy_for(options, engine.name),
                                               environment, *engines_.back()));
            bus.attach(device.address + engine.offset, engine.length, *engines_.back());
        }
        // Every reset line of a device resets all of it.
        reset_lines.insert(reset_lines.end(), device.resets.size(), engines_.back().get());
    }
    resets_ = std::make_unique<ResetController>(environment.log, std::move(reset_lines));
    bus.attach(kResetAddress, kResetLength, *resets_);
}

Powered::~Powered() {
    bus_.detach_all();
}

}  // namespace relfence::board
