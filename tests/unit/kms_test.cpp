// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <relfence/kms/device.hpp>

namespace relfence::kms {
namespace {

// Most machines that run the tests have no vkms; what a display shows is tested in the guest.
TEST(Device, SaysWhichDriverIsMissing) {
    const auto device = Device::open("no-such-driver", 640, 360);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().subject, "no-such-driver");
    EXPECT_NE(device.error().message().find("/dev/dri/card*"), std::string::npos);
}

}  // namespace
}  // namespace relfence::kms
