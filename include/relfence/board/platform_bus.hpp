// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include <relfence/board/device_model.hpp>
#include <relfence/vhost/device.hpp>

namespace relfence::board {

/// The bus that the board's registers are on, as User Mode Linux reaches it: a virtio device that
/// carries each access as a message (include/uapi/linux/virtio_pcidev.h, um_pci_send_cmd() of
/// arch/um/drivers/virt-pci.c).
///
/// A read is answered and polled for by the guest. A write is posted: its buffer goes back without
/// an interrupt and is found by the next read, but before the ring could be full of them the guest
/// is told. Registers are 32 bits wide: wider and longer accesses are split, narrower reads are
/// cut out, narrower writes are a driver's bug.
class PlatformBus final : public vhost::Device {
  public:
    /// What the guest calls the bus's first address; messages carry offsets from it.
    static constexpr std::uint32_t base = 0x10000000;
    /// The kernel would take more, but its ioremap() mistakes offsets beyond for other mappings
    /// (AREA_SHIFT of lib/logic_iomem.c).
    static constexpr std::uint32_t size = 0x1000000;
    /// virtio id of CONFIG_UML_PCI_OVER_VIRTIO_DEVICE_ID.
    static constexpr std::uint32_t device_id = 1234;

    /// What the bus tells the board.
    struct Hooks {
        std::function<void(vhost::Port&)> connected;
        /// Before an access is carried out: memory may have come since.
        std::function<void(vhost::Port&)> accessed;
        std::function<void()> disconnected;
    };
    PlatformBus(EventLog& log, Hooks hooks);

    /// Words that were read and written since this was made.
    struct Counters {
        std::uint64_t reads = 0;
        std::uint64_t writes = 0;
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }

    /// @param address as the guest sees it; ranges do not overlap @param model outlives its place
    void attach(std::uint32_t address, std::uint32_t length, DeviceModel& model);
    /// Nothing is on the bus any more.
    void detach_all() { places_.clear(); }

    [[nodiscard]] std::string_view name() const override { return "bus"; }
    [[nodiscard]] std::size_t queues() const override { return 2; }
    void connected(vhost::Port& port) override;
    void on_chain(vhost::Chain chain) override;
    void queue_reset(std::size_t queue) override;
    void disconnected() override;

  private:
    struct Place {
        std::uint32_t address, length;
        DeviceModel* model;
    };
    [[nodiscard]] const Place* at(std::uint64_t address, const char* what);
    [[nodiscard]] std::uint32_t read_word(std::uint64_t address);
    void write_word(std::uint64_t address, std::uint32_t value);
    std::size_t read(std::uint64_t address, std::uint32_t length, vhost::Chain& chain);
    void write(std::uint64_t address, std::uint32_t length, const vhost::Chain& chain);
    void fill(std::uint64_t address, std::uint32_t length, const vhost::Chain& chain);

    EventLog& log_;
    Hooks hooks_;
    std::vector<Place> places_;
    vhost::Port* port_ = nullptr;
    Counters counters_;
    unsigned unreaped_ = 0;  ///< writes that the guest was not told of
};

}  // namespace relfence::board
