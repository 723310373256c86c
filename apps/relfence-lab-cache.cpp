// SPDX-License-Identifier: MIT
#include <memory>

#include <fmt/format.h>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace {

std::string size_text(std::uintmax_t bytes) {
    return fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6);
}

int list() {
    const auto cache = Cache::open();
    if (!cache) return complain(cache.error());
    fmt::print("{}\n", cache->root().string());
    for (const auto& entry : list_cache(*cache))
        fmt::print("{:8} {}  {:>8}  {}\n", entry.kind, entry.key.substr(0, 12),
                   size_text(entry.bytes), entry.title);
    return exit_ok;
}

int clean(const std::vector<std::string>& keys, bool all) {
    const auto cache = Cache::open();
    if (!cache) return complain(cache.error());
    std::vector<CacheEntry> chosen;
    for (auto& entry : list_cache(*cache)) {
        bool matches = all;
        for (const auto& key : keys)
            matches |= entry.key.starts_with(key) || entry.title.starts_with(key + " ");
        if (matches) chosen.push_back(std::move(entry));
    }
    if (chosen.empty() && !keys.empty())
        return complain({0, "nothing in the cache is called so", fmt::format("{}", keys.front()),
                         "relfence-lab cache lists it"});
    const auto left = remove_entries(*cache, chosen);
    if (!left) return complain(left.error());
    for (const auto& entry : *left)
        fmt::print(stderr, "relfence-lab: {} {}: in use, left alone\n", entry.kind, entry.key);
    fmt::print("{} removed\n", chosen.size() - left->size());
    return exit_ok;
}

}  // namespace

Command add_cache(CLI::App& app) {
    app.add_subcommand("cache", "list the kernels, objects and sources that are kept")
        ->footer(
            "Exit code: 0, or 2 when the cache cannot be read.\n\nExample:\n"
            "  relfence-lab cache");
    return [](const Interrupts&) { return list(); };
}

Command add_clean(CLI::App& app) {
    struct Arguments {
        std::vector<std::string> keys;
        bool all = false;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = app.add_subcommand("clean", "remove kept kernels, objects and sources");
    auto* keys = command->add_option("keys", arguments->keys,
                                     "kernels by name, or anything by the start of its key");
    auto* all = command->add_flag("--all", arguments->all, "everything");
    keys->excludes(all);
    command->footer(
        "What another lab is using is left alone.\n"
        "Exit code: 0, or 2 when nothing is called so.\n\nExamples:\n"
        "  relfence-lab clean v2\n  relfence-lab clean --all");
    return [arguments](const Interrupts&) {
        if (arguments->keys.empty() && !arguments->all)
            return complain({0, "nothing named", "clean", "name kernels or keys, or --all"});
        return clean(arguments->keys, arguments->all);
    };
}

}  // namespace relfence::lab
