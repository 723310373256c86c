// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <deque>
#include <vector>

#include <relfence/vhost/device.hpp>

namespace relfence::board::testing {

/// A guest's side of a virtio device without rings: makes chains, keeps what comes back.
class FakePort : public vhost::Port {
  public:
    struct Completed {
        std::size_t queue, written;
        std::uint16_t head;
        bool called;
    };

    /// A chain of bytes to read and room for an answer, which answer() shows.
    vhost::Chain chain(std::size_t queue, std::vector<std::byte> request, std::size_t room) {
        auto& kept = requests_.emplace_back(std::move(request));
        auto& answer = answers_.emplace_back(room);
        std::vector<std::span<const std::byte>> readable;
        if (!kept.empty()) readable.emplace_back(kept);
        std::vector<std::span<std::byte>> writable;
        if (room > 0) writable.emplace_back(answer);
        return {{queue, static_cast<std::uint16_t>(answers_.size() - 1), 1}, readable, writable};
    }
    [[nodiscard]] const std::vector<std::byte>& answer(std::size_t head) const {
        return answers_[head];
    }
    void complete(vhost::Chain chain, std::size_t written, vhost::Notify notify) override {
        completed.push_back(
            {chain.queue(), written, chain.origin().head, notify == vhost::Notify::call});
    }
    void call(std::size_t) override {}
    [[nodiscard]] std::shared_ptr<const vhost::GuestMemory> memory() const override {
        return nullptr;
    }
    std::vector<Completed> completed;

  private:
    // As std::deque, so that spans into what they hold stay good.
    std::deque<std::vector<std::byte>> requests_, answers_;
};

template <typename T>
std::vector<std::byte> as_bytes(const T& value) {
    std::vector<std::byte> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

}  // namespace relfence::board::testing
