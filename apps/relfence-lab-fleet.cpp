// SPDX-License-Identifier: MIT
// `relfence-lab fleet`: a program of its own, so that whoever wants only the lab needs no YAML.
#include <cstdio>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/fleet/apply.hpp>
#include <relfence/fleet/manifest.hpp>
#include <relfence/fleet/plan.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/lab/source.hpp>

#include "relfence-exit.hpp"

namespace relfence::fleet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

using app::exit_error;
using app::exit_failed;
using app::exit_ok;

struct Arguments {
    std::string project;
    std::string host;
    std::string external;
    std::string output, lock, config;
    std::string source;
    bool allow_deferred = false;
    bool json = false;
};

int complain(const Error& error) {
    return app::complain_as("relfence-lab fleet", error);
}

Result<fs::path> project_of(const Arguments& arguments) {
    if (!arguments.project.empty()) return fs::path{arguments.project};
    return lab::find_project();
}

Result<Plan> plan_of(const Arguments& arguments, const fs::path& project) {
    auto manifest = load_manifest(project, arguments.host);
    if (!manifest) return tl::make_unexpected(manifest.error());
    if (manifest->deferred && !arguments.allow_deferred)
        return fail(fmt::format("deferred: {}; what would re-open it: {}", manifest->reason,
                                manifest->reopen),
                    arguments.host, "--allow-deferred goes on all the same");
    auto units = load_units(project);
    if (!units) return tl::make_unexpected(units.error());
    return make_plan(project, *manifest, *units, arguments.external);
}

Json to_json(const Plan& plan) {
    const Manifest& manifest = plan.manifest;
    Json json{{"host", manifest.host},
              {"board", manifest.board},
              {"soc", manifest.soc},
              {"gpu", manifest.gpu},
              {"state", manifest.deferred ? "deferred" : "eligible"},
              {"carried", manifest.carried},
              {"baseline", {{"tree", manifest.tree}, {"ref", manifest.ref}}},
              {"package",
               {{"name", manifest.package},
                {"format", manifest.package_format},
                {"install", manifest.install}}},
              {"build_host",
               {{"arch", manifest.build_arch},
                {"mode", manifest.build_mode},
                {"toolchain", manifest.build_toolchain}}},
              {"config", {{"strategy", manifest.config_strategy}, {"base", manifest.config_base}}},
              {"missing", plan.missing()}};
    for (const auto& [name, value] : manifest.config) json["config"]["set"][name] = value;
    for (const auto& bar : manifest.verification)
        json["verification"].push_back({{"bar", bar.name}, {"where", bar.where}, {"how", bar.how}});
    for (const auto& patch : plan.patches)
        json["patches"].push_back({{"position", patch.position},
                                   {"scope", patch.scope},
                                   {"name", patch.name},
                                   {"path", patch.path},
                                   {"subject", patch.subject},
                                   {"sha256", patch.sha256},
                                   {"external", patch.external}});
    return json;
}

void print_plan(const Plan& plan) {
    const Manifest& manifest = plan.manifest;
    fmt::print("{}: {}, {}, {}; {}{}\n", manifest.host, manifest.board, manifest.soc, manifest.gpu,
               manifest.deferred ? "deferred" : "eligible", manifest.carried ? ", carried" : "");
    fmt::print("{} {} as package {} ({}, {} the distribution's), built on {}\n", manifest.tree,
               manifest.ref, manifest.package, manifest.package_format,
               manifest.install == "beside" ? "beside" : "replacing", manifest.build_arch);
    std::string scope;
    for (const auto& patch : plan.patches) {
        if (patch.scope != scope) fmt::print("{}\n", scope = patch.scope);
        fmt::print(
            "{:4}  {:12.12}  {}\n", patch.position, patch.sha256.empty() ? "-" : patch.sha256,
            patch.sha256.empty() ? fmt::format("{}  {}", patch.name, patch.subject) : patch.name);
    }
    if (const auto missing = plan.missing(); missing > 0)
        fmt::print("{} external patches are not here; --external DIR names their directory\n",
                   missing);
}

int run_plan(const Arguments& arguments) {
    const auto project = project_of(arguments);
    if (!project) return complain(project.error());
    const auto plan = plan_of(arguments, *project);
    if (!plan) return complain(plan.error());
    // All of them are made before one is written.
    std::vector<std::pair<std::string, std::string>> files;
    if (!arguments.output.empty()) {
        auto text = plan->cumulative();
        if (!text) return complain(text.error());
        files.emplace_back(arguments.output, std::move(*text));
    }
    if (!arguments.lock.empty()) {
        auto text = lock_text(*plan);
        if (!text) return complain(text.error());
        files.emplace_back(arguments.lock, std::move(*text));
    }
    if (!arguments.config.empty()) files.emplace_back(arguments.config, plan->config_fragment());
    for (const auto& [path, text] : files)
        if (auto written = lab::write_file(path, text); !written) return complain(written.error());
    if (arguments.json)
        fmt::print("{}\n", to_json(*plan).dump(2));
    else
        print_plan(*plan);
    return exit_ok;
}

int run_list(const Arguments& arguments) {
    const auto project = project_of(arguments);
    if (!project) return complain(project.error());
    const auto hosts = list_hosts(*project);
    if (!hosts) return complain(hosts.error());
    Json json = Json::array();
    int code = exit_ok;
    for (const auto& host : *hosts) {
        const auto manifest = load_manifest(*project, host);
        if (!manifest) {
            code = complain(manifest.error());
            continue;
        }
        const std::string state = manifest->deferred  ? "deferred"
                                  : manifest->carried ? "eligible, carried"
                                                      : "eligible";
        if (arguments.json)
            json.push_back({{"host", host},
                            {"soc", manifest->soc},
                            {"gpu", manifest->gpu},
                            {"state", manifest->deferred ? "deferred" : "eligible"},
                            {"carried", manifest->carried},
                            {"reason", manifest->reason}});
        else
            fmt::print("{:12} {:8} {:10} {:18} {} {}\n", host, manifest->soc, manifest->gpu, state,
                       manifest->tree, manifest->ref);
    }
    if (arguments.json) fmt::print("{}\n", json.dump(2));
    return code;
}

/// One line of what verify found.
struct Check {
    std::string name;
    bool passed = false;
    std::vector<std::string> said;
};

Result<Check> check_lock(const Arguments& arguments, const fs::path& project, const Plan& plan) {
    const std::string name =
        arguments.lock.empty() ? (project / "fleet" / (plan.manifest.host + ".lock.json")).string()
                               : arguments.lock;
    auto text = lab::read_file(name);
    if (!text) {
        Error error = text.error();
        error.hint =
            fmt::format("relfence-lab fleet plan {} --lock FILE writes one", arguments.host);
        return tl::make_unexpected(std::move(error));
    }
    auto differences = compare_lock(*text, name, plan);
    if (!differences) return tl::make_unexpected(differences.error());
    if (!differences->empty()) return Check{"lock", false, *differences};
    return Check{"lock", true, {fmt::format("{} patches as locked", plan.patches.size())}};
}

Result<Check> check_source(const Arguments& arguments, const Plan& plan,
                           const lab::Interrupts& interrupts) {
    const std::string& version = plan.manifest.version;
    const auto cache = lab::Cache::open();
    if (!cache) return tl::make_unexpected(cache.error());
    const fs::path path =
        arguments.source.empty() ? lab::debian_tarball(version) : fs::path{arguments.source};
    auto source = lab::identify_source(*cache, path, version);
    if (!source) return tl::make_unexpected(source.error());
    auto tree = lab::prepare_source(*cache, *source, &interrupts, [](const std::string& note) {
        fmt::print(stderr, "relfence-lab fleet: {}\n", note);
    });
    if (!tree) return tl::make_unexpected(tree.error());
    auto makefile = lab::read_file(*tree / "Makefile");
    if (!makefile) return tl::make_unexpected(makefile.error());
    auto scratch = lab::Scratch::create();
    if (!scratch) return tl::make_unexpected(scratch.error());
    auto all = plan.cumulative();
    if (!all) return tl::make_unexpected(all.error());
    const std::string found = "v" + lab::makefile_version(*makefile);
    Check check{"applies", false, {}};
    auto applied = check_applies(plan, *all, *tree, scratch->path());
    if (applied) {
        check.passed = true;
        check.said.push_back(
            fmt::format("{} patches to {}, one by one and at once: the same {} files",
                        applied->patches, found, applied->files));
    } else {
        check.said.push_back(applied.error().message());
    }
    if (found != plan.manifest.ref)
        check.said.push_back(
            fmt::format("the manifest's baseline is {}, tried was {}", plan.manifest.ref, found));
    if (plan.missing() > 0)
        check.said.push_back(
            fmt::format("without {} external patches (--external DIR)", plan.missing()));
    return check;
}

int run_verify(const Arguments& arguments, const lab::Interrupts& interrupts) {
    const auto project = project_of(arguments);
    if (!project) return complain(project.error());
    const auto plan = plan_of(arguments, *project);
    if (!plan) return complain(plan.error());
    std::vector<Check> checks;
    auto lock = check_lock(arguments, *project, *plan);
    if (!lock) return complain(lock.error());
    checks.push_back(std::move(*lock));
    auto applies = check_source(arguments, *plan, interrupts);
    if (!applies) return complain(applies.error());
    checks.push_back(std::move(*applies));
    int code = exit_ok;
    Json json{{"host", arguments.host}};
    for (const auto& check : checks) {
        if (!check.passed) code = exit_failed;
        json["checks"].push_back(
            {{"name", check.name}, {"passed", check.passed}, {"said", check.said}});
        if (arguments.json) continue;
        for (std::size_t i = 0; i < check.said.size(); ++i)
            fmt::print("{:8} {:5} {}\n", i == 0 ? check.name : "",
                       i != 0         ? ""
                       : check.passed ? "ok"
                                      : "FAIL",
                       check.said[i]);
    }
    if (arguments.json) fmt::print("{}\n", json.dump(2));
    return code;
}

void add_host_options(CLI::App& command, Arguments& arguments) {
    command.add_option("host", arguments.host, "host with a manifest fleet/HOST.yaml")->required();
    command.add_option("--external", arguments.external,
                       "directory with the patches that are not of this project, as 0001-*.patch");
    command.add_flag("--allow-deferred", arguments.allow_deferred,
                     "go on with a host that is deferred");
}

}  // namespace
}  // namespace relfence::fleet

int main(int argc, char** argv) {
    using namespace relfence;
    using namespace relfence::fleet;
    CLI::App app{"Which patches go into the kernel of which host, and do they apply.",
                 "relfence-lab fleet"};
    Arguments arguments;
    app.require_subcommand(1);
    app.add_option("--project", arguments.project,
                   "directory with fleet/ and kernel/ (default: found from the program's own)");
    app.add_flag("--json", arguments.json, "for machines");
    app.fallthrough();
    app.footer(
        "Exit code: 0 all well, 1 verify found something wrong, 2 bad input, a deferred host or a\n"
        "tool failed.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab fleet list\n"
        "  relfence-lab fleet plan fresnel --output fresnel.patch --config fresnel.config\n"
        "  relfence-lab fleet plan ohm --json\n"
        "  relfence-lab fleet verify fresnel --external path/to/board/fresnel");
    CLI::App* list = app.add_subcommand("list", "the hosts");
    list->footer("Example:\n  relfence-lab fleet list --json");
    CLI::App* plan = app.add_subcommand("plan", "the patches of a host, in order of application");
    add_host_options(*plan, arguments);
    plan->add_option("-o,--output", arguments.output,
                     "write all patches into this file, for git am or patch -p1");
    plan->add_option("--lock", arguments.lock, "write sha256 sums into this file, for verify");
    plan->add_option("--config", arguments.config, "write a configuration fragment into this file");
    plan->footer("Example:\n  relfence-lab fleet plan fresnel --output fresnel.patch");
    CLI::App* verify = app.add_subcommand(
        "verify", "compare the patches with the lock, and apply them to a pristine source");
    add_host_options(*verify, arguments);
    verify->add_option("--lock", arguments.lock, "default: fleet/HOST.lock.json");
    verify->add_option("--source", arguments.source,
                       "kernel source: tarball or tree (default: Debian's linux-source package)");
    verify->footer("Example:\n  relfence-lab fleet verify fresnel --lock my.lock.json");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_ok : exit_error;
    }
    const auto interrupts = lab::Interrupts::create();
    if (!interrupts) return complain(interrupts.error());
    if (list->parsed()) return run_list(arguments);
    return plan->parsed() ? run_plan(arguments) : run_verify(arguments, *interrupts);
}
