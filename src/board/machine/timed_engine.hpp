// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// An engine on the board, with a watch on its interrupt: how long the driver takes from the line's
/// rise to the read of a register, which is the first that an interrupt handler does.
class TimedEngine final : public DeviceModel, public InterruptLine {
  public:
    /// Told with the time between the two. A line that falls before, by a reset, does not count.
    using Taken = std::function<void(std::string_view engine, Nanoseconds waited)>;

    /// @param line of the interrupt controller @param line, timeline outlive this
    TimedEngine(InterruptLine& line, const Timeline& timeline, Taken taken)
        : line_{line}, timeline_{timeline}, taken_{std::move(taken)} {}
    /// @param model made with this as its line; before all else
    void drive(std::unique_ptr<DeviceModel> model) { model_ = std::move(model); }

    void set(bool high) override {
        if (!high) {
            risen_.reset();
        } else if (!high_) {
            risen_ = timeline_.now();
        }
        high_ = high;
        line_.set(high);
    }

    [[nodiscard]] std::string_view name() const override { return model_->name(); }
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override {
        if (risen_) taken_(name(), timeline_.now() - *std::exchange(risen_, std::nullopt));
        return model_->read(offset);
    }
    void write(std::uint32_t offset, std::uint32_t value) override { model_->write(offset, value); }
    void reset() override { model_->reset(); }

  private:
    InterruptLine& line_;
    const Timeline& timeline_;
    Taken taken_;
    std::unique_ptr<DeviceModel> model_;
    bool high_ = false;
    std::optional<Nanoseconds> risen_;
};

}  // namespace relfence::board
