// SPDX-License-Identifier: MIT
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/fleet/plan.hpp>
#include <relfence/lab/files.hpp>

namespace relfence::fleet {
namespace {

using Json = nlohmann::ordered_json;

struct Locked {
    int position = 0;
    std::string sha256;  ///< empty: external, and not there when the lock was written
};

/// Patches by scope and number, which a new subject does not change.
using LockedPatches = std::map<std::pair<std::string, std::string>, std::pair<std::string, Locked>>;

std::string unversioned(const PlannedPatch& patch) {
    return patch.name.substr(0, patch.name.find(patch.number)) + patch.number;
}

std::string differ(const std::string& what, const std::string& locked, const std::string& now) {
    return fmt::format("{}: the lock has {}, the manifest {}", what, locked, now);
}

}  // namespace

Result<std::string> lock_text(const Plan& plan) {
    auto all = plan.cumulative();
    if (!all) return all;
    auto hash = lab::hash_text(*all);
    if (!hash) return hash;
    Json lock;
    lock["format"] = 1;
    lock["host"] = plan.manifest.host;
    lock["baseline"] = {{"tree", plan.manifest.tree}, {"ref", plan.manifest.ref}};
    for (const auto& patch : plan.patches) {
        Json entry{{"position", patch.position},
                   {"scope", patch.scope},
                   {"id", unversioned(patch)},
                   {"name", patch.name}};
        if (patch.external) entry["external"] = true;
        if (!patch.external) entry["path"] = patch.path;
        if (!patch.sha256.empty()) entry["sha256"] = patch.sha256;
        lock["patches"].push_back(std::move(entry));
    }
    lock["cumulative_sha256"] = *hash;
    return lock.dump(2) + "\n";
}

Result<std::vector<std::string>> compare_lock(std::string_view lock, const std::string& name,
                                              const Plan& plan) {
    LockedPatches locked;
    std::vector<std::string> differences;
    try {
        const Json json = Json::parse(lock);
        if (json.at("format") != 1) return fail("is a lock of another format", name);
        const Manifest& manifest = plan.manifest;
        const std::pair<std::string, std::string> fields[] = {
            {json.at("host").get<std::string>(), manifest.host},
            {json.at("baseline").at("tree").get<std::string>(), manifest.tree},
            {json.at("baseline").at("ref").get<std::string>(), manifest.ref}};
        const char* const names[] = {"host", "baseline.tree", "baseline.ref"};
        for (std::size_t i = 0; i < std::size(fields); ++i)
            if (fields[i].first != fields[i].second)
                differences.push_back(differ(names[i], fields[i].first, fields[i].second));
        for (const auto& entry : json.at("patches")) {
            const Locked patch{entry.at("position").get<int>(), entry.value("sha256", "")};
            locked[{entry.at("scope").get<std::string>(), entry.at("id").get<std::string>()}] = {
                entry.at("name").get<std::string>(), patch};
        }
    } catch (const Json::exception& error) {
        return fail(fmt::format("is no lock: {}", error.what()), name);
    }
    for (const auto& patch : plan.patches) {
        const auto found = locked.find({patch.scope, unversioned(patch)});
        if (found == locked.end()) {
            differences.push_back(fmt::format("{}: not in the lock", patch.name));
            continue;
        }
        const Locked& entry = found->second.second;
        if (entry.position != patch.position)
            differences.push_back(fmt::format("{}: position {}, in the lock {}", patch.name,
                                              patch.position, entry.position));
        // An external patch is compared only where both know it.
        if (patch.sha256.empty() && patch.external) {
        } else if (entry.sha256.empty()) {
            differences.push_back(fmt::format("{}: the lock has no sha256", patch.name));
        } else if (entry.sha256 != patch.sha256) {
            differences.push_back(fmt::format("{}: changed; sha256 {:.12}, in the lock {:.12}",
                                              patch.name, patch.sha256, entry.sha256));
        }
        locked.erase(found);
    }
    for (const auto& [key, value] : locked)
        differences.push_back(fmt::format("{}: in the lock, and no longer there", value.first));
    return differences;
}

}  // namespace relfence::fleet
