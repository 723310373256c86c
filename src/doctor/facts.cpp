// SPDX-License-Identifier: MIT
#include "doctor/facts.hpp"

#include <algorithm>
#include <fstream>
#include <grp.h>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace relfence::doctor {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

/// Modules that matter whatever the devices are.
constexpr const char* usual_modules[] = {"videobuf2_common",
                                         "videobuf2_v4l2",
                                         "videobuf2_dma_contig",
                                         "videobuf2_dma_sg",
                                         "videobuf2_vmalloc",
                                         "v4l2_mem2mem",
                                         "videodev",
                                         "mc",
                                         "udmabuf",
                                         "vgem",
                                         "panfrost",
                                         "panthor",
                                         "lima",
                                         "drm",
                                         "rockchipdrm"};

/// What the kernel must have for fences to be there and to be looked at.
constexpr const char* usual_options[] = {"CONFIG_SYNC_FILE",
                                         "CONFIG_SW_SYNC",
                                         "CONFIG_UDMABUF",
                                         "CONFIG_DMABUF_HEAPS",
                                         "CONFIG_DEBUG_FS",
                                         "CONFIG_FTRACE",
                                         "CONFIG_DRM_VGEM",
                                         "CONFIG_V4L2_MEM2MEM_DEV",
                                         "CONFIG_V4L_MEM2MEM_DRIVERS",
                                         "CONFIG_MEDIA_CONTROLLER_REQUEST_API",
                                         "CONFIG_VIDEO_HANTRO",
                                         "CONFIG_VIDEO_ROCKCHIP_RGA",
                                         "CONFIG_VIDEO_ROCKCHIP_VDEC"};

constexpr const char* compositors[] = {
    "kwin_wayland", "kwin_x11", "gnome-shell", "mutter",  "sway", "weston",
    "Xorg",         "Xwayland", "labwc",       "wayfire", "cage", "gamescope",
    "phoc",         "Hyprland", "cosmic-comp", "river",   "niri"};

std::string read_text(const fs::path& path, std::size_t most = 256) {
    std::ifstream file{path, std::ios::binary};
    std::string text;
    std::getline(file, text, '\0');
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(0, most);
}

std::string module_name(std::string name) {
    std::ranges::replace(name, '-', '_');
    return name;
}

json system_facts(const Sources& sources) {
    json facts;
    std::ifstream release{sources.root / "etc/os-release"};
    for (std::string line; std::getline(release, line);) {
        if (!line.starts_with("PRETTY_NAME=")) continue;
        std::string name = line.substr(line.find('=') + 1);
        std::erase(name, '"');
        facts["distribution"] = name;
    }
    for (const char* file : {"proc/device-tree/model", "sys/class/dmi/id/product_name"})
        if (std::string model = read_text(sources.root / file); !model.empty()) {
            facts["machine"] = model;
            break;
        }
    if (std::string tainted = read_text(sources.root / "proc/sys/kernel/tainted"); !tainted.empty())
        facts["kernel_tainted"] = tainted;
    return facts;
}

json module_facts(const Sources& sources, const std::set<std::string>& names) {
    json facts = json::object();
    std::error_code error;
    for (const std::string& name : names) {
        const fs::path folder = sources.root / "sys/module" / name;
        if (!fs::is_directory(folder, error)) continue;
        json one = json::object();
        for (const char* file : {"version", "srcversion", "taint"})
            if (std::string text = read_text(folder / file); !text.empty()) one[file] = text;
        std::set<fs::path> parameters;
        for (const auto& entry : fs::directory_iterator{folder / "parameters", error})
            parameters.insert(entry.path());
        for (const fs::path& path : parameters)
            if (::access(path.c_str(), R_OK) == 0)
                one["parameters"][path.filename().string()] = read_text(path);
        facts[name] = std::move(one);
    }
    return facts;
}

/// Parameters of these modules, and those of memory: the rest tells nothing, and may tell too much.
json boot_parameters(const Sources& sources, const std::set<std::string>& modules) {
    json facts = json::array();
    std::istringstream words{read_text(sources.root / "proc/cmdline", 4096)};
    for (std::string word; words >> word;) {
        const std::string name = module_name(word.substr(0, word.find_first_of(".=")));
        if (modules.contains(name) || name == "cma" || name == "iommu" || name == "mem")
            facts.push_back(word);
    }
    return facts;
}

json option_facts(const Sources& sources, const std::string& release) {
    json facts = json::object();
    std::ifstream file{sources.root / "boot" / ("config-" + release)};
    if (!file) return fmt::format("not known: /boot/config-{} cannot be read", release);
    for (std::string line; std::getline(file, line);) {
        const auto equals = line.find('=');
        if (equals == std::string::npos) continue;
        for (const char* option : usual_options)
            if (line.compare(0, equals, option) == 0) facts[option] = line.substr(equals + 1);
    }
    return facts;
}

/// "crw-rw---- root video, open to this user"
std::string access_text(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "is not there";
    const group* const owners = ::getgrgid(status.st_gid);
    return fmt::format(
        "mode {:o}, group {}, {}", status.st_mode & 07777U,
        owners == nullptr ? fmt::format("{}", status.st_gid) : std::string{owners->gr_name},
        ::access(path.c_str(), R_OK | W_OK) == 0 ? "may be opened" : "may not be opened");
}

json node_facts(const Sources& sources) {
    json facts = json::object();
    std::set<fs::path> nodes;
    std::error_code error;
    for (const char* folder : {"dev", "dev/dri", "dev/dma_heap"}) {
        for (const auto& entry : fs::directory_iterator{sources.root / folder, error}) {
            const std::string name = entry.path().filename().string();
            if (folder != std::string_view{"dev"} || name.starts_with("video") ||
                name.starts_with("media") || name == "udmabuf")
                if (!entry.is_directory(error)) nodes.insert(entry.path());
        }
    }
    for (const fs::path& node : nodes)
        facts["/" + node.lexically_relative(sources.root).string()] = access_text(node);
    for (const char* path : {"sys/kernel/debug/dma_buf/bufinfo", "sys/kernel/debug/sync/sw_sync",
                             "sys/kernel/tracing/trace_pipe"})
        facts["/" + std::string{path}] = access_text(sources.root / path);
    return facts;
}

json session_facts(const Sources& sources) {
    json facts = json::object();
    const auto& environment = sources.environment;
    for (const char* name : {"XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "XDG_SESSION_DESKTOP"})
        if (const auto found = environment.find(name); found != environment.end())
            facts[name] = found->second;
    for (const char* name : {"WAYLAND_DISPLAY", "DISPLAY"})
        facts[name] = environment.contains(name) ? "is set" : "is not set";
    std::set<std::string> running;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{sources.root / "proc", error}) {
        const std::string name = read_text(entry.path() / "comm");
        if (std::ranges::find(compositors, name) != std::end(compositors)) running.insert(name);
    }
    facts["compositors"] = running;
    return facts;
}

void add_lines(std::string& text, const json& value, int indent) {
    const std::string margin(static_cast<std::size_t>(indent), ' ');
    for (const auto& [name, inner] : value.items()) {
        const std::string head = value.is_array() ? margin + "-" : margin + name + ":";
        if (inner.is_structured()) {
            text += head + (inner.empty() ? " none\n" : "\n");
            add_lines(text, inner, indent + 2);
        } else {
            text += fmt::format("{} {}\n", head,
                                inner.is_string()
                                    ? inner.get<std::string>()
                                    : inner.dump(-1, ' ', false, json::error_handler_t::replace));
        }
    }
}

}  // namespace

Environment environment_of_process() {
    Environment environment;
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
        const std::string_view entry{*one};
        const auto equals = entry.find('=');
        if (equals != std::string_view::npos)
            environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return environment;
}

json collect_facts(const Sources& sources, const std::vector<std::string>& drivers) {
    std::set<std::string> modules{std::begin(usual_modules), std::end(usual_modules)};
    for (const std::string& driver : drivers) modules.insert(module_name(driver));
    json facts;
    facts["system"] = system_facts(sources);
    facts["modules"] = module_facts(sources, modules);
    facts["boot_parameters"] = boot_parameters(sources, modules);
    facts["kernel_options"] =
        option_facts(sources, read_text(sources.root / "proc/sys/kernel/osrelease"));
    facts["device_nodes"] = node_facts(sources);
    facts["session"] = session_facts(sources);
    return facts;
}

std::string facts_to_text(const json& facts) {
    std::string text;
    for (const auto& [name, inner] : facts.items()) {
        text += "\n" + name + "\n";
        if (inner.is_structured()) {
            if (inner.empty()) text += "  none\n";
            add_lines(text, inner, 2);
        } else {
            text += "  " + (inner.is_string() ? inner.get<std::string>() : inner.dump()) + "\n";
        }
    }
    return text;
}

}  // namespace relfence::doctor
