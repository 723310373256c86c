// SPDX-License-Identifier: MIT
#include "devices/describe.hpp"

#include <linux/videodev2.h>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace relfence::devices {
namespace {

using nlohmann::json;

constexpr std::pair<std::uint32_t, const char*> mode_names[] = {
    {V4L2_BUF_CAP_SUPPORTS_MMAP, "mmap"},
    {V4L2_BUF_CAP_SUPPORTS_DMABUF, "dmabuf"},
    {V4L2_BUF_CAP_SUPPORTS_USERPTR, "userptr"},
    {V4L2_BUF_CAP_SUPPORTS_REQUESTS, "requests"},
    {V4L2_BUF_CAP_SUPPORTS_M2M_HOLD_CAPTURE_BUF, "hold-capture"},
};

json queue_json(const VideoQueue& queue) {
    json formats = json::array();
    for (const VideoFormat& format : queue.formats)
        formats.push_back({{"fourcc", fourcc_text(format.fourcc)},
                           {"description", format.description},
                           {"compressed", format.compressed}});
    return {{"multiplanar", V4L2_TYPE_IS_MULTIPLANAR(queue.type)},
            {"formats", std::move(formats)},
            {"buffers", modes_of(queue)}};
}

json unreadable_json(const std::vector<Unreadable>& list) {
    json all = json::array();
    for (const Unreadable& one : list)
        all.push_back({{"path", one.path}, {"error", one.error.message()}});
    return all;
}

std::string queue_text(std::string_view direction, const VideoQueue& queue) {
    std::vector<std::string> formats;
    for (const VideoFormat& format : queue.formats) formats.push_back(fourcc_text(format.fourcc));
    return fmt::format("    {:<8} {}\n             buffers {}\n", direction,
                       fmt::join(formats, " "), fmt::join(modes_of(queue), ", "));
}

std::string_view answer(const std::optional<bool>& known) {
    return !known ? "unknown: no dma-buf to try it on" : *known ? "yes" : "no, Linux 6.0 has them";
}

}  // namespace

Inventory take_inventory() {
    return {describe_kernel(), list_video(), list_drm()};
}

std::vector<std::string> modes_of(const VideoQueue& queue) {
    std::vector<std::string> modes;
    for (const auto& [flag, name] : mode_names)
        if ((queue.buffer_capabilities & flag) != 0) modes.emplace_back(name);
    return modes;
}

json to_json(const Inventory& inventory) {
    json all;
    const Kernel& kernel = inventory.kernel;
    all["kernel"] = {{"release", kernel.release},
                     {"version", kernel.version},
                     {"machine", kernel.machine},
                     {"sync_file_ioctls",
                      kernel.sync_file_ioctls ? json(*kernel.sync_file_ioctls) : json(nullptr)},
                     {"tried_on", kernel.tried_on}};
    all["video"] = json::array();
    for (const VideoDevice& device : inventory.video.mem2mem)
        all["video"].push_back({{"path", device.path},
                                {"driver", device.driver},
                                {"card", device.card},
                                {"bus", device.bus},
                                {"role", name_of(device.role)},
                                {"output", queue_json(device.output)},
                                {"capture", queue_json(device.capture)},
                                {"media", device.media}});
    all["other_video"] = inventory.video.others;
    all["drm"] = json::array();
    for (const DrmDevice& device : inventory.drm.devices)
        all["drm"].push_back({{"path", device.path},
                              {"render", device.render},
                              {"driver", device.driver},
                              {"description", device.description},
                              {"display", device.display},
                              {"prime_import", device.prime_import},
                              {"prime_export", device.prime_export}});
    all["unreadable"] = unreadable_json(inventory.video.unreadable);
    for (json& one : unreadable_json(inventory.drm.unreadable))
        all["unreadable"].push_back(std::move(one));
    return all;
}

std::string to_text(const Inventory& inventory) {
    const Kernel& kernel = inventory.kernel;
    std::string text = fmt::format("Kernel {} {}\n    dma-buf sync_file ioctls: {}\n",
                                   kernel.release, kernel.machine, answer(kernel.sync_file_ioctls));
    text += "\nV4L2 mem2mem devices\n";
    if (inventory.video.mem2mem.empty()) text += "    none\n";
    for (const VideoDevice& device : inventory.video.mem2mem) {
        text += fmt::format("{}  {}  {}  ({})\n", device.path, device.driver, device.card,
                            name_of(device.role));
        text += queue_text("takes", device.output) + queue_text("makes", device.capture);
        if (!device.media.empty()) text += fmt::format("    requests {}\n", device.media);
    }
    text += "\nDRM devices\n";
    if (inventory.drm.devices.empty()) text += "    none\n";
    for (const DrmDevice& device : inventory.drm.devices)
        text += fmt::format("{}  {}  {}{}{}\n", device.path, device.driver, device.description,
                            device.display ? ", display" : "",
                            device.render.empty() ? "" : ", " + device.render);
    for (const auto* list : {&inventory.video.unreadable, &inventory.drm.unreadable})
        for (const Unreadable& one : *list) text += fmt::format("{}\n", one.error.message());
    return text;
}

}  // namespace relfence::devices
