// SPDX-License-Identifier: MIT
#include <algorithm>

#include <relfence/board/description.hpp>
#include <relfence/board/vpu.hpp>

namespace relfence::board {

// Addresses are the chips' with the first two digits replaced by 10, which is where the bus is.
// Clocks, resets and interrupts as in Documentation/devicetree/bindings/media/rockchip-vpu.yaml,
// rockchip,rk3568-vepu.yaml and rockchip-rga.yaml of Linux 6.12.
std::span<const Description> boards() {
    static const std::vector<Description> all{
        {"fresnel",
         "Rockchip RK3399",
         "rockchip,rk3399",
         {{"video-codec",
           {"rockchip,rk3399-vpu"},
           0x10650000,
           0x800,
           {{EngineKind::vepu, "vepu", "vepu", kVepuOffset, kVepuSize},
            {EngineKind::vdpu, "vdpu", "vdpu", kVdpuOffset, kVdpuSize}},
           {"aclk", "hclk"},
           {}},
          {"rga",
           {"rockchip,rk3399-rga"},
           0x10680000,
           0x10000,
           {{EngineKind::rga_rk3399, "rga", "rga", 0, 0x10000}},
           {"aclk", "hclk", "sclk"},
           {"core", "axi", "ahb"}}}},
        {"ohm",
         "Rockchip RK3566",
         "rockchip,rk3566",
         {{"video-codec",
           {"rockchip,rk3568-vpu"},
           0x10ea0000,
           0x800,
           {{EngineKind::vdpu, "vdpu", "vdpu", kVdpuOffset, kVdpuSize}},
           {"aclk", "hclk"},
           {}},
          {"rga",
           {"rockchip,rk3568-rga", "rockchip,rk3288-rga"},
           0x10eb0000,
           0x180,
           {{EngineKind::rga_rk3568, "rga", "rga", 0, 0x180}},
           {"aclk", "hclk", "sclk"},
           {"core", "axi", "ahb"}},
          {"video-codec",
           {"rockchip,rk3568-vepu"},
           0x10ee0000,
           0x800,
           {{EngineKind::vepu, "vepu", "vepu", kVepuOffset, kVepuSize}},
           {"aclk", "hclk"},
           {}}}},
    };
    return all;
}

const Description* find_board(std::string_view name) {
    const auto all = boards();
    const auto found =
        std::ranges::find_if(all, [name](const Description& board) { return name == board.name; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace relfence::board
