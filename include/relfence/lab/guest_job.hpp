// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::lab {

/// A host directory that the guest sees although a mount of the guest hides it, or that the guest
/// may write. Absolute path, the same on both sides.
struct GuestMount {
    std::string path;
    bool writable = false;
    bool operator==(const GuestMount&) const = default;
};

/// What relfence-init does in the guest. Handed over as the file `job` in the scratch directory.
struct GuestJob {
    std::vector<std::string> arguments;    ///< the command; found through PATH of `environment`
    std::vector<std::string> environment;  ///< NAME=value
    std::string directory;                 ///< where the command starts, if the guest can go there
    std::vector<GuestMount> mounts;
    bool terminal = false;  ///< on a pty of the guest instead of three pipes
    std::uint32_t rows = 24;
    std::uint32_t columns = 80;
    bool operator==(const GuestJob&) const = default;
};

/// Options of mount() for what a guest that is no User Mode Linux sees of the host: by 9p, each
/// directory under a tag of its own.
inline constexpr std::string_view share_options = "trans=virtio,version=9p2000.L,msize=262144";
/// The tag of the host's root.
inline constexpr std::string_view root_tag = "relfence-root";
/// The tag of "/tmp" or of a writable mount of the job.
[[nodiscard]] std::string share_tag(std::string_view target, const GuestJob& job);

/// The bytes of the job file: KEY=value records ended by NUL, since arguments and environment may
/// hold any other byte.
[[nodiscard]] std::string encode_job(const GuestJob& job);
/// Reads encode_job()'s bytes back; nothing if they are malformed or name no command.
[[nodiscard]] std::optional<GuestJob> decode_job(std::string_view bytes);

}  // namespace relfence::lab
