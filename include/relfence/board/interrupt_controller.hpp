// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <relfence/board/device_model.hpp>
#include <relfence/vhost/device.hpp>

namespace relfence::board {

/// The board's interrupt controller: a virtio GPIO device whose lines are wired to the board's
/// devices, as drivers/gpio/gpio-virtio.c expects it (virtio 1.2, section 5.18).
///
/// The guest gives a buffer for each line whose interrupt it wants; it comes back when the line is
/// active. A line that is still active when the guest gives the buffer again interrupts again at
/// once: levels are lost by nobody. Edges that come without a buffer are remembered, once.
class InterruptController final : public vhost::Device {
  public:
    static constexpr std::uint32_t device_id = 41;

    InterruptController(EventLog& log, std::uint16_t lines);
    ~InterruptController() override;

    /// Lives as long as this.
    [[nodiscard]] InterruptLine& line(std::size_t number);
    /// All lines low and unconfigured, as after power-on.
    void reset();

    [[nodiscard]] std::string_view name() const override { return "gpio"; }
    [[nodiscard]] std::uint64_t features() const override;
    [[nodiscard]] std::size_t queues() const override { return 2; }
    [[nodiscard]] std::span<const std::byte> config() const override { return config_; }
    void connected(vhost::Port& port) override { port_ = &port; }
    void on_chain(vhost::Chain chain) override;
    void queue_reset(std::size_t queue) override;
    void disconnected() override;

  private:
    class Line;
    void request(vhost::Chain chain);
    void event(vhost::Chain chain);
    void give_back(Line& line, std::uint8_t status);
    void check(Line& line);

    EventLog& log_;
    std::array<std::byte, 8> config_{};
    std::vector<std::unique_ptr<Line>> lines_;
    vhost::Port* port_ = nullptr;
};

}  // namespace relfence::board
