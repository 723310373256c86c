// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/matrix/matrix.hpp>

namespace relfence::matrix {

/// A job for a LAVA laboratory.
struct LavaJob {
    std::string name;  ///< "check-v2-fresnel", also of its file
    std::string yaml;
};

/// The suites that run on hardware, on each kind of board with each kernel: boots the kernel over
/// the network and hands each result line of the suite's KTAP to lava-test-case.
/// @param artifacts where the laboratory finds KERNEL/Image, KERNEL/modules.tar.xz, KERNEL/dtbs/
/// and rootfs.cpio.gz, which has relfence in it: an http(s) or file URL without a / at its end
/// @return an error when @p artifacts is no such URL
/// Source: LAVA's documentation of jobs (deploy to tftp, boot with u-boot, inline test
/// definitions), and its schema in lava_common/schemas.
[[nodiscard]] Result<std::vector<LavaJob>> lava_jobs(const Matrix& matrix,
                                                     const std::string& artifacts);

}  // namespace relfence::matrix
