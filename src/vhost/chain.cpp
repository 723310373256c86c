// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <utility>

#include <relfence/vhost/chain.hpp>

namespace relfence::vhost {
namespace {

template <typename Spans>
std::size_t size_of(const Spans& spans) {
    std::size_t size = 0;
    for (const auto& span : spans) size += span.size();
    return size;
}

}  // namespace

Chain::Chain(Origin origin, std::vector<std::span<const std::byte>> readable,
             std::vector<std::span<std::byte>> writable, std::shared_ptr<const GuestMemory> memory)
    : origin_{origin},
      readable_{std::move(readable)},
      writable_{std::move(writable)},
      readable_size_{size_of(readable_)},
      writable_size_{size_of(writable_)},
      memory_{std::move(memory)} {}

std::size_t Chain::read(std::span<std::byte> out, std::size_t offset) const {
    std::size_t done = 0;
    for (const auto& part : readable_) {
        if (offset >= part.size()) {
            offset -= part.size();
            continue;
        }
        const std::size_t size = std::min(part.size() - offset, out.size() - done);
        if (size == 0) break;
        std::memcpy(out.data() + done, part.data() + offset, size);
        done += size;
        offset = 0;
    }
    return done;
}

std::size_t Chain::write(std::span<const std::byte> in, std::size_t offset) {
    std::size_t done = 0;
    for (const auto& part : writable_) {
        if (offset >= part.size()) {
            offset -= part.size();
            continue;
        }
        const std::size_t size = std::min(part.size() - offset, in.size() - done);
        if (size == 0) break;
        std::memcpy(part.data() + offset, in.data() + done, size);
        done += size;
        offset = 0;
    }
    return done;
}

}  // namespace relfence::vhost
