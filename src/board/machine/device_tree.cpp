// SPDX-License-Identifier: MIT
#include "board/machine/device_tree.hpp"

#include <array>
#include <libfdt.h>

#include <fmt/format.h>

#include <relfence/board/interrupt_controller.hpp>
#include <relfence/board/platform_bus.hpp>

namespace relfence::board {
namespace {

constexpr std::size_t tree_size = 16384;
constexpr std::uint32_t level_high = 4;  // IRQ_TYPE_LEVEL_HIGH
constexpr std::uint32_t clock_frequency = 400'000'000;

constexpr std::uint32_t clock_handle = 1;
constexpr std::uint32_t gpio_handle = 2;
constexpr std::uint32_t reset_handle = 3;

/// libfdt's sequential writing; keeps the first error.
class Tree {
  public:
    Tree() : bytes_(tree_size) {
        keep(::fdt_create(bytes_.data(), static_cast<int>(bytes_.size())));
        keep(::fdt_finish_reservemap(bytes_.data()));
    }
    void begin(const std::string& name) { keep(::fdt_begin_node(bytes_.data(), name.c_str())); }
    void end() { keep(::fdt_end_node(bytes_.data())); }
    void flag(const char* name) { keep(::fdt_property(bytes_.data(), name, nullptr, 0)); }
    void cells(const char* name, std::initializer_list<std::uint32_t> values) {
        cells(name, std::vector<std::uint32_t>{values});
    }
    void cells(const char* name, const std::vector<std::uint32_t>& values) {
        std::vector<fdt32_t> big_endian;
        for (const std::uint32_t value : values) big_endian.push_back(cpu_to_fdt32(value));
        keep(::fdt_property(bytes_.data(), name, big_endian.data(),
                            static_cast<int>(big_endian.size() * sizeof(fdt32_t))));
    }
    void strings(const char* name, const std::vector<std::string>& values) {
        std::string list;
        for (const auto& value : values) list.append(value).push_back('\0');
        keep(::fdt_property(bytes_.data(), name, list.data(), static_cast<int>(list.size())));
    }
    Result<std::vector<std::byte>> finish() {
        keep(::fdt_finish(bytes_.data()));
        if (error_ != 0) return fail(::fdt_strerror(error_), "the board's device tree");
        bytes_.resize(fdt_totalsize(bytes_.data()));
        return std::move(bytes_);
    }

  private:
    void keep(int result) {
        if (error_ == 0 && result < 0) error_ = result;
    }
    std::vector<std::byte> bytes_;
    int error_ = 0;
};

void one_cell(Tree& tree) {
    tree.cells("#address-cells", {1});
    tree.cells("#size-cells", {1});
}

/// Addresses of children are those of the parent. Every level below the root needs this, or the
/// kernel translates none.
void identity(Tree& tree) {
    one_cell(tree);
    tree.flag("ranges");
}

/// A virtio device of User Mode Linux: the node of its socket, in which the one child is the
/// device itself. The caller fills the child and ends both.
void begin_virtio(Tree& tree, const char* name, const std::string& socket, std::uint32_t id,
                  const std::vector<std::string>& also) {
    tree.begin(name);
    tree.strings("compatible", {"virtio,uml"});
    tree.strings("socket-path", {socket});
    tree.cells("virtio-device-id", {id});
    identity(tree);
    tree.begin("device");
    std::vector<std::string> compatible{fmt::format("virtio,device{:x}", id)};
    compatible.insert(compatible.end(), also.begin(), also.end());
    tree.strings("compatible", compatible);
}

std::vector<std::string> names(const std::vector<const char*>& list) {
    return {list.begin(), list.end()};
}

void add_peripheral(Tree& tree, const Peripheral& device, std::uint32_t& interrupt,
                    std::uint32_t& reset) {
    tree.begin(fmt::format("{}@{:x}", device.node, device.address));
    tree.strings("compatible", names(device.compatible));
    tree.cells("reg", {device.address, device.length});
    std::vector<std::uint32_t> interrupts;
    std::vector<std::string> interrupt_names;
    for (const Engine& engine : device.engines) {
        interrupts.insert(interrupts.end(), {gpio_handle, interrupt++, level_high});
        interrupt_names.emplace_back(engine.interrupt);
    }
    tree.cells("interrupts-extended", interrupts);
    tree.strings("interrupt-names", interrupt_names);
    tree.cells("clocks", std::vector<std::uint32_t>(device.clocks.size(), clock_handle));
    tree.strings("clock-names", names(device.clocks));
    if (!device.resets.empty()) {
        std::vector<std::uint32_t> resets;
        for (std::size_t i = 0; i < device.resets.size(); ++i)
            resets.insert(resets.end(), {reset_handle, reset++});
        tree.cells("resets", resets);
        tree.strings("reset-names", names(device.resets));
    }
    tree.end();
}

}  // namespace

Result<std::vector<std::byte>> make_device_tree(const Description& board,
                                                const std::string& bus_socket,
                                                const std::string& gpio_socket) {
    Tree tree;
    tree.begin("");
    tree.strings("compatible", {board.compatible});
    tree.strings("model", {fmt::format("{} (modelled {})", board.name, board.title)});
    one_cell(tree);

    tree.begin("clock");
    tree.strings("compatible", {"fixed-clock"});
    tree.cells("#clock-cells", {0});
    tree.cells("clock-frequency", {clock_frequency});
    tree.cells("phandle", {clock_handle});
    tree.end();

    begin_virtio(tree, "gpio", gpio_socket, InterruptController::device_id, {});
    tree.flag("gpio-controller");
    tree.cells("#gpio-cells", {2});
    tree.flag("interrupt-controller");
    tree.cells("#interrupt-cells", {2});
    tree.cells("#address-cells", {0});
    tree.cells("phandle", {gpio_handle});
    tree.end();
    tree.end();

    begin_virtio(tree, "bus", bus_socket, PlatformBus::device_id, {"simple-bus"});
    identity(tree);
    tree.begin(fmt::format("reset-controller@{:x}", kResetAddress));
    tree.strings("compatible", {"snps,dw-high-reset"});
    tree.cells("reg", {kResetAddress, kResetLength});
    tree.cells("#reset-cells", {1});
    tree.cells("phandle", {reset_handle});
    tree.end();
    std::uint32_t interrupt = 0, reset = 0;
    for (const Peripheral& device : board.peripherals)
        add_peripheral(tree, device, interrupt, reset);
    tree.end();
    tree.end();

    tree.end();
    return tree.finish();
}

}  // namespace relfence::board
