// SPDX-License-Identifier: MIT
#include "sync/seen.hpp"

#include <cctype>
#include <cstring>

namespace relfence::sync {
namespace {

/// The number of a timeline is another one in each run.
std::string without_number(std::string name) {
    while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.back())) != 0)
        name.pop_back();
    return name.ends_with('-') ? name + "N" : name;
}

}  // namespace

std::string whose(const std::vector<Fence>& fences) {
    if (fences.empty() || is_stub(fences)) return "no fence";
    std::string text;
    for (const Fence& fence : fences)
        text += (text.empty() ? "" : " + ") + fence.driver + " " + without_number(fence.timeline);
    return text;
}

std::string state(const std::vector<Fence>& fences) {
    if (fences.empty()) return "signalled";
    const int status = fences.front().status;
    if (status == 0) return "active";
    if (status > 0) return "signalled";
    const char* const name = ::strerrorname_np(-status);
    return std::string{"signalled with "} + (name != nullptr ? name : std::to_string(status));
}

std::string describe(const std::vector<Fence>& fences) {
    const std::string owner = whose(fences);
    return owner == "no fence" ? owner : owner + ", " + state(fences);
}

}  // namespace relfence::sync
