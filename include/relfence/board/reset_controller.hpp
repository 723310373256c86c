// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// Reset lines as bits of registers, high while asserted: what drivers/reset/reset-simple.c calls
/// "snps,dw-high-reset". Asserting a line resets its device; it stays usable all the same, since
/// no driver of the board touches a device while it holds it in reset.
class ResetController final : public DeviceModel {
  public:
    /// @param lines the device of each line, by number; outlive this
    ResetController(EventLog& log, std::vector<DeviceModel*> lines);
    [[nodiscard]] std::string_view name() const override { return "reset"; }
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override;
    void write(std::uint32_t offset, std::uint32_t value) override;
    void reset() override;

  private:
    EventLog& log_;
    std::vector<DeviceModel*> lines_;
    std::vector<std::uint32_t> asserted_;  ///< registers of 32 lines each
};

}  // namespace relfence::board
