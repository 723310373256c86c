// SPDX-License-Identifier: MIT
#include "stateless/ivf.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace relfence::stateless {
namespace {

constexpr std::size_t smallest_header = 32;
constexpr std::size_t frame_header = 12;

std::uint32_t little_endian(std::span<const std::uint8_t> bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | bytes[i];
    return value;
}

}  // namespace

Result<Ivf> parse_ivf(std::span<const std::uint8_t> bytes, std::string_view name) {
    if (bytes.size() < smallest_header || !std::ranges::equal(bytes.first(4), std::string{"DKIF"}))
        return fail_errno("is no IVF file", name, EBADMSG);
    const std::size_t header = little_endian(bytes.subspan(6, 2));
    if (header < smallest_header || header > bytes.size())
        return fail_errno(fmt::format("has an IVF header of {} bytes", header), name, EBADMSG);
    Ivf clip;
    clip.codec.assign(bytes.begin() + 8, bytes.begin() + 12);
    clip.width = little_endian(bytes.subspan(12, 2));
    clip.height = little_endian(bytes.subspan(14, 2));
    // The number of frames in the header is often wrong: live writers do not know it.
    for (auto rest = bytes.subspan(header); !rest.empty();) {
        const std::size_t size =
            rest.size() < frame_header ? rest.size() : little_endian(rest.first(4));
        if (rest.size() < frame_header || rest.size() - frame_header < size)
            return fail_errno(fmt::format("ends within frame {}", clip.frames.size()), name,
                              EBADMSG);
        const auto frame = rest.subspan(frame_header, size);
        clip.frames.emplace_back(frame.begin(), frame.end());
        rest = rest.subspan(frame_header + size);
    }
    return clip;
}

Result<Ivf> read_ivf(const std::string& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file) return fail_errno("open", path);
    const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>{file}, {}};
    if (file.bad()) return fail_errno("read", path);
    return parse_ivf(bytes, path);
}

}  // namespace relfence::stateless
