// SPDX-License-Identifier: MIT
#include "bench/machine.hpp"

#include <ctime>
#include <fstream>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

namespace relfence::bench {
namespace {

/// The value of the first of the names in /proc/cpuinfo; which ones there are is each
/// architecture's own affair.
std::string processor_model(const std::filesystem::path& root) {
    std::ifstream file{root / "proc/cpuinfo"};
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(": ");
        const std::string name = line.substr(0, line.find_first_of("\t:"));
        if (colon != std::string::npos &&
            (name == "model name" || name == "CPU part" || name == "uarch" || name == "mode"))
            return (name == "CPU part" ? "CPU part " : "") + line.substr(colon + 2);
    }
    return "unknown";
}

}  // namespace

Machine describe_machine(const std::filesystem::path& root) {
    Machine machine;
    utsname names{};
    ::uname(&names);
    machine.kernel = names.release;
    machine.kernel_build = names.version;
    machine.architecture = names.machine;
    machine.processor = processor_model(root);
    machine.processors = static_cast<unsigned>(::get_nprocs());
    std::ifstream governor{root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"};
    if (!std::getline(governor, machine.governor)) machine.governor = "unknown";
    return machine;
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

}  // namespace relfence::bench
