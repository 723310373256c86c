// SPDX-License-Identifier: MIT
#include <relfence/lab/guest_frame.hpp>

namespace relfence::lab {
namespace {

constexpr std::size_t header_size = 5;

void append_number(std::string& bytes, std::uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<char>(number >> shift & 0xffU));
}

std::uint32_t number_at(std::string_view bytes, std::size_t offset) {
    std::uint32_t number = 0;
    for (unsigned i = 0; i < 4; ++i)
        number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[offset + i]))
                  << (8 * i);
    return number;
}

bool is_known(char kind) {
    return std::string_view{"HOEAXFIZSW"}.find(kind) != std::string_view::npos;
}

}  // namespace

std::string encode_frame(FrameKind kind, std::string_view payload) {
    std::string bytes;
    bytes.reserve(header_size + payload.size());
    bytes.push_back(static_cast<char>(kind));
    append_number(bytes, static_cast<std::uint32_t>(payload.size()));
    bytes.append(payload);
    return bytes;
}

std::string encode_frame(FrameKind kind, std::uint32_t number) {
    std::string payload;
    append_number(payload, number);
    return encode_frame(kind, payload);
}

std::string encode_frame(FrameKind kind, std::uint32_t first, std::uint32_t second) {
    std::string payload;
    append_number(payload, first);
    append_number(payload, second);
    return encode_frame(kind, payload);
}

std::optional<std::uint32_t> frame_number(const Frame& frame, std::size_t index) {
    if (frame.payload.size() < 4 * (index + 1)) return std::nullopt;
    return number_at(frame.payload, 4 * index);
}

void FrameReader::feed(std::string_view bytes) {
    pending_.append(bytes);
}

std::optional<Frame> FrameReader::next() {
    if (broken_) return std::nullopt;
    const std::string_view rest = std::string_view{pending_}.substr(start_);
    if (!rest.empty() && !is_known(rest[0])) broken_ = true;
    if (broken_ || rest.size() < header_size) return std::nullopt;
    const std::size_t size = number_at(rest, 1);
    if (size > largest_payload) {
        broken_ = true;
        return std::nullopt;
    }
    if (rest.size() < header_size + size) {
        // Drop what is consumed now and then only, not once per frame.
        pending_.erase(0, start_);
        start_ = 0;
        return std::nullopt;
    }
    Frame frame{static_cast<FrameKind>(rest[0]), std::string{rest.substr(header_size, size)}};
    start_ += header_size + size;
    return frame;
}

}  // namespace relfence::lab
