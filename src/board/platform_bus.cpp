// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <linux/virtio_pcidev.h>

#include <fmt/format.h>

#include <relfence/board/platform_bus.hpp>

namespace relfence::board {
namespace {

constexpr std::size_t command_queue = 0;
constexpr std::uint32_t word = 4;
/// The guest's ring has 256 entries, and a write takes one.
constexpr unsigned unreaped_limit = 64;
/// Longest piece that one message may move: memcpy_toio() of a block.
constexpr std::uint32_t length_limit = 0x10000;
/// What a read of nothing returns.
constexpr std::uint32_t nothing = 0xffffffffU;

template <typename T>
std::span<std::byte> bytes_of(T& value) {
    return std::as_writable_bytes(std::span{&value, 1});
}

}  // namespace

PlatformBus::PlatformBus(EventLog& log, Hooks hooks) : log_{log}, hooks_{std::move(hooks)} {}

void PlatformBus::attach(std::uint32_t address, std::uint32_t length, DeviceModel& model) {
    places_.push_back({address, length, &model});
}

void PlatformBus::connected(vhost::Port& port) {
    port_ = &port;
    unreaped_ = 0;
    hooks_.connected(port);
}

void PlatformBus::queue_reset(std::size_t queue) {
    if (queue == command_queue) unreaped_ = 0;
}

void PlatformBus::disconnected() {
    hooks_.disconnected();
    port_ = nullptr;
}

const PlatformBus::Place* PlatformBus::at(std::uint64_t address, const char* what) {
    const auto place = std::ranges::find_if(places_, [address](const Place& p) {
        return address >= p.address && address - p.address < p.length;
    });
    if (place != places_.end()) return &*place;
    log_.driver_bug(name(), fmt::format("{} of {:#x}, where no device is", what, address));
    return nullptr;
}

std::uint32_t PlatformBus::read_word(std::uint64_t address) {
    ++counters_.reads;
    const Place* place = at(address, "read");
    if (place == nullptr) return nothing;
    return place->model->read(static_cast<std::uint32_t>(address - place->address));
}

void PlatformBus::write_word(std::uint64_t address, std::uint32_t value) {
    ++counters_.writes;
    if (const Place* place = at(address, "write"); place != nullptr)
        place->model->write(static_cast<std::uint32_t>(address - place->address), value);
}

std::size_t PlatformBus::read(std::uint64_t address, std::uint32_t length, vhost::Chain& chain) {
    std::size_t done = 0;
    while (done < length) {
        const std::uint64_t from = address + done;
        const auto skip = static_cast<std::uint32_t>(from % word);
        const std::uint32_t value = read_word(from - skip) >> (skip * 8);
        const std::size_t part = std::min<std::size_t>(word - skip, length - done);
        std::array<std::byte, word> bytes;
        std::memcpy(bytes.data(), &value, word);  // both sides are little endian: UML is x86
        if (chain.write(std::span{bytes}.first(part), done) < part) {
            log_.driver_bug(name(), "read with no room for its answer");
            break;
        }
        done += part;
    }
    return done;
}

void PlatformBus::write(std::uint64_t address, std::uint32_t length, const vhost::Chain& chain) {
    if (address % word != 0 || length % word != 0)
        return log_.driver_bug(name(), fmt::format("write of {} bytes to {:#x}: registers are "
                                                   "written in words",
                                                   length, address));
    for (std::uint32_t done = 0; done < length; done += word) {
        std::uint32_t value = 0;
        if (chain.read(bytes_of(value), sizeof(virtio_pcidev_msg) + done) < word)
            return log_.driver_bug(name(), "write without its data");
        write_word(address + done, value);
    }
}

void PlatformBus::fill(std::uint64_t address, std::uint32_t length, const vhost::Chain& chain) {
    std::uint8_t byte = 0;
    if (address % word != 0 || length % word != 0 ||
        chain.read(bytes_of(byte), sizeof(virtio_pcidev_msg)) < 1)
        return log_.driver_bug(name(), "memset_io() of no words or without its byte");
    for (std::uint32_t done = 0; done < length; done += word)
        write_word(address + done, byte * 0x01010101U);
}

void PlatformBus::on_chain(vhost::Chain chain) {
    // The interrupt queue is for PCI devices; its buffers stay where they are.
    if (chain.queue() != command_queue) return;
    virtio_pcidev_msg message{};
    if (chain.read(bytes_of(message)) < sizeof message) {
        log_.driver_bug(name(), "message without a whole header");
        return port_->complete(std::move(chain), 0);
    }
    hooks_.accessed(*port_);
    const std::uint64_t address = std::uint64_t{base} + message.addr;
    std::size_t written = 0;
    if (message.size > length_limit || message.addr >= size || message.size > size - message.addr) {
        log_.driver_bug(name(), fmt::format("access of {} bytes at offset {:#x}", message.size,
                                            static_cast<std::uint64_t>(message.addr)));
    } else {
        switch (message.op) {
            case VIRTIO_PCIDEV_OP_MMIO_READ:
                written = read(address, message.size, chain);
                break;
            case VIRTIO_PCIDEV_OP_MMIO_WRITE:
                write(address, message.size, chain);
                break;
            case VIRTIO_PCIDEV_OP_MMIO_MEMSET:
                fill(address, message.size, chain);
                break;
            default:
                log_.driver_bug(name(), fmt::format("message of kind {}", message.op));
                break;
        }
    }
    // Who waits polls for its buffer, and takes back all that was completed before on the way.
    const bool polled = chain.writable_size() > 0;
    unreaped_ = polled ? 0 : unreaped_ + 1;
    const bool tell = unreaped_ >= unreaped_limit;
    if (tell) unreaped_ = 0;
    port_->complete(std::move(chain), written, tell ? vhost::Notify::call : vhost::Notify::quiet);
}

}  // namespace relfence::board
