// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <relfence/fleet/manifest.hpp>

#include "fleet/fields.hpp"

namespace relfence::fleet {
namespace fs = std::filesystem;
namespace {

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "v6.12.95" gives "6.12"; empty if it is no release.
std::string stable_series(std::string_view ref) {
    if (!ref.starts_with('v')) return {};
    ref.remove_prefix(1);
    const auto first = ref.find('.');
    if (first == std::string_view::npos) return {};
    const auto second = std::min(ref.find('.', first + 1), ref.size());
    if (!is_digits(ref.substr(0, first)) || !is_digits(ref.substr(first + 1, second - first - 1)))
        return {};
    if (second < ref.size() && !is_digits(ref.substr(second + 1))) return {};
    return std::string{ref.substr(0, second)};
}

void read_format(Fields& fields, const Yaml& top) {
    if (fields.text(top, "format") != "1" && fields.ok())
        fields.complain(top.find("format")->line, "format: expected 1");
}

void read_eligibility(Fields& fields, const Yaml& top, Manifest& manifest) {
    const Yaml& map = fields.map(top, "eligibility");
    fields.only(map, "eligibility", {"state", "carried", "reason", "reopen"});
    manifest.deferred = fields.choice(map, "state", {"eligible", "deferred"}) == "deferred";
    manifest.carried = fields.flag(map, "carried");
    manifest.reason = fields.text(map, "reason");
    if (!fields.ok()) return;
    if (manifest.deferred) {
        manifest.reopen = fields.text(map, "reopen");
        if (manifest.carried)
            fields.complain(map.find("carried")->line,
                            "carried: a deferred host carries nothing; expected false");
    } else if (const Yaml* reopen = map.find("reopen")) {
        fields.complain(reopen->line, "reopen: only a deferred host has it");
    }
}

void read_baseline(Fields& fields, const Yaml& top, Manifest& manifest) {
    const Yaml& map = fields.map(top, "baseline");
    fields.only(map, "baseline", {"tree", "ref"});
    manifest.tree = fields.word(map, "tree", "-_.+");
    manifest.ref = fields.word(map, "ref", "-_.+");
    manifest.version = stable_series(manifest.ref);
    if (fields.ok() && manifest.version.empty())
        fields.complain(map.find("ref")->line,
                        "ref: expected the tag of a release, such as v6.12.95");
}

Include read_include(Fields& fields, const Yaml& item) {
    Include include;
    include.line = item.line;
    if (item.kind != Yaml::Kind::map) {
        fields.complain(item.line, "includes: expected a map with 'scope'");
        return include;
    }
    fields.only(item, "includes", {"scope", "external", "patches"});
    include.scope = fields.path(item, "scope");
    if (item.find("external") != nullptr) {
        include.external = true;
        include.origin = fields.text(item, "external");
    }
    // Without them everything that the scope stands for; of an external scope nobody here knows.
    if (!include.external && item.find("patches") == nullptr) return include;
    const Yaml& patches = fields.list(item, "patches");
    include.patches_line = patches.line;
    for (const auto& patch : patches.items) {
        if (patch.kind != Yaml::Kind::text || patch.text.size() != 4 || !is_digits(patch.text))
            fields.complain(patch.line,
                            "patches: expected numbers of four digits, such as \"0004\"");
        if (std::find(include.patches.begin(), include.patches.end(), patch.text) !=
            include.patches.end())
            fields.complain(patch.line, fmt::format("patches: {} is named twice", patch.text));
        include.patches.push_back(patch.text);
    }
    return include;
}

/// apply_order has each scope of includes once; the includes are put into that order.
void read_includes(Fields& fields, const Yaml& top, Manifest& manifest) {
    std::vector<Include> includes;
    std::set<std::string> numbers;
    for (const auto& item : fields.list(top, "includes").items) {
        includes.push_back(read_include(fields, item));
        for (const auto& number : includes.back().patches)
            if (!numbers.insert(number).second)
                fields.complain(item.line, fmt::format("patches: {} is in two includes", number));
    }
    const Yaml& order = fields.list(top, "apply_order");
    for (const auto& item : order.items) {
        const std::string scope = fields.path_of(item, "apply_order");
        if (!fields.ok()) return;
        const auto found = std::find_if(includes.begin(), includes.end(),
                                        [&](const Include& one) { return one.scope == scope; });
        if (found == includes.end()) {
            fields.complain(item.line, fmt::format("apply_order: {} is named twice, or is no scope "
                                                   "of includes",
                                                   scope));
            return;
        }
        manifest.includes.push_back(std::move(*found));
        includes.erase(found);
    }
    if (!includes.empty())
        fields.complain(order.line, fmt::format("apply_order: {} of includes is missing",
                                                includes.front().scope));
}

void read_config(Fields& fields, const Yaml& top, Manifest& manifest) {
    const Yaml& map = fields.map(top, "config");
    fields.only(map, "config", {"strategy", "base", "set"});
    manifest.config_strategy = fields.choice(map, "strategy", {"merge", "full"});
    manifest.config_base = fields.word(map, "base", "-_.+");
    for (const auto& entry : fields.map(map, "set").entries) {
        const bool named = entry.key.starts_with("CONFIG_") && entry.key.size() > 7 &&
                           std::all_of(entry.key.begin(), entry.key.end(), [](char c) {
                               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                           });
        if (!named) fields.complain(entry.line, "config.set: expected CONFIG_NAME as a key");
        const std::string& value = entry.value.text;
        if (value != "y" && value != "m" && value != "n")
            fields.complain(entry.line,
                            fmt::format("config.set: {}: expected y, m or n", entry.key));
        manifest.config.emplace_back(entry.key, value);
    }
}

void read_package(Fields& fields, const Yaml& top, Manifest& manifest) {
    const Yaml& map = fields.map(top, "package");
    fields.only(map, "package", {"name", "format", "install"});
    manifest.package = fields.word(map, "name", "-.+");
    manifest.package_format = fields.choice(map, "format", {"pkgbuild", "deb"});
    manifest.install = fields.choice(map, "install", {"beside", "replace"});
}

void read_verification(Fields& fields, const Yaml& top, Manifest& manifest) {
    for (const auto& item : fields.list(top, "verification").items) {
        fields.only(item, "verification", {"bar", "how", "where"});
        Bar bar;
        bar.name = fields.choice(item, "bar", {"applies", "compile", "boot", "fence", "timing"});
        bar.where = fields.choice(item, "where", {"lab", "board"});
        bar.how = fields.text(item, "how");
        manifest.verification.push_back(std::move(bar));
    }
}

Manifest read_manifest(Fields& fields, const Yaml& top) {
    Manifest manifest;
    fields.only(top, "",
                {"format", "host", "board", "eligibility", "baseline", "includes", "apply_order",
                 "config", "package", "verification", "build_host"});
    read_format(fields, top);
    manifest.host = fields.text(top, "host");
    const Yaml& board = fields.map(top, "board");
    fields.only(board, "board", {"name", "soc", "gpu", "arch", "drivers"});
    manifest.board = fields.text(board, "name");
    manifest.soc = fields.word(board, "soc", "-");
    manifest.gpu = fields.word(board, "gpu", "-");
    manifest.arch = fields.choice(board, "arch", {"arm64"});
    manifest.drivers = fields.texts(board, "drivers");
    read_eligibility(fields, top, manifest);
    read_baseline(fields, top, manifest);
    read_includes(fields, top, manifest);
    read_config(fields, top, manifest);
    read_package(fields, top, manifest);
    read_verification(fields, top, manifest);
    const Yaml& host = fields.map(top, "build_host");
    fields.only(host, "build_host", {"arch", "mode", "toolchain"});
    manifest.build_arch = fields.choice(host, "arch", {"x86_64", "arm64"});
    manifest.build_mode = fields.choice(host, "mode", {"cross", "native"});
    manifest.build_toolchain = fields.word(host, "toolchain", "-_.");
    return manifest;
}

}  // namespace

bool is_host_name(const std::string& host) {
    return !host.empty() && host.size() <= 63 && host.front() != '-' &&
           std::all_of(host.begin(), host.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

Result<Manifest> load_manifest(const fs::path& project, const std::string& host) {
    if (!is_host_name(host))
        return fail("is no name of a host", host, "lower-case letters, digits and dashes");
    const std::string name = fmt::format("fleet/{}.yaml", host);
    auto top = read_yaml(project / name, name);
    if (!top) {
        Error error = top.error();
        if (error.code == ENOENT) error.hint = "relfence-lab fleet list shows the hosts";
        return tl::make_unexpected(std::move(error));
    }
    Fields fields{name};
    Manifest manifest = read_manifest(fields, *top);
    if (fields.ok() && manifest.host != host)
        fields.complain(top->find("host")->line,
                        fmt::format("host: expected {}, as the file is called", host));
    if (!fields.ok()) return tl::make_unexpected(*fields.error());
    manifest.file = name;
    return manifest;
}

Result<std::vector<Unit>> load_units(const fs::path& project) {
    const std::string name = "fleet/units.yaml";
    auto top = read_yaml(project / name, name);
    if (!top) return tl::make_unexpected(top.error());
    Fields fields{name};
    fields.only(*top, "", {"format", "units"});
    read_format(fields, *top);
    std::vector<Unit> units;
    for (const auto& item : fields.list(*top, "units").items) {
        Unit unit;
        unit.line = item.line;
        fields.only(item, "units", {"scope", "title", "groundwork", "series", "needs"});
        unit.scope = fields.path(item, "scope");
        unit.title = fields.text(item, "title");
        unit.series = fields.path(item, "series");
        for (const auto& [key, target] :
             {std::pair{"groundwork", &unit.groundwork}, std::pair{"needs", &unit.needs}}) {
            if (item.find(key) == nullptr) continue;
            for (const auto& entry : fields.list(item, key).items)
                target->push_back(fields.path_of(entry, key));
        }
        for (const auto& other : units)
            if (other.scope == unit.scope)
                fields.complain(item.line, fmt::format("scope: {} is there twice", unit.scope));
        units.push_back(std::move(unit));
    }
    if (!fields.ok()) return tl::make_unexpected(*fields.error());
    return units;
}

Result<std::vector<std::string>> list_hosts(const fs::path& project) {
    std::vector<std::string> hosts;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{project / "fleet", error}) {
        const fs::path& path = entry.path();
        if (path.extension() == ".yaml" && path.stem() != "units")
            hosts.push_back(path.stem().string());
    }
    if (error) return fail_errno("list", "fleet", error.value());
    std::sort(hosts.begin(), hosts.end());
    return hosts;
}

}  // namespace relfence::fleet
