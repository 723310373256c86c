// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <string_view>
#include <yaml-cpp/yaml.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/matrix/lava.hpp>

namespace relfence::matrix {
namespace {

/// Reports each result line of results.ktap as a case of LAVA, those of a subtest with its name
/// before theirs. For the awk of busybox too.
constexpr std::string_view report_results = R"sh(awk '
/^ +# Subtest: / { sub(/^ *# Subtest: /, ""); subtest = $0 "."; next }
/^ *(not )?ok [0-9]/ {
  inner = /^ /; result = /^ *not / ? "fail" : /# SKIP/ ? "skip" : "pass"
  sub(/^ *(not )?ok [0-9]+ *(- )?/, ""); sub(/ *#.*/, "")
  name = (inner ? subtest : "") $0; gsub(/[^A-Za-z0-9.-]+/, "_", name)
  print name, result
}' results.ktap | while read -r name result; do lava-test-case "$name" --result "$result"; done)sh";

struct Minutes {
    int value;
};

YAML::Emitter& operator<<(YAML::Emitter& out, Minutes minutes) {
    return out << YAML::BeginMap << YAML::Key << "minutes" << YAML::Value << minutes.value
               << YAML::EndMap;
}

template <typename T>
void pair(YAML::Emitter& out, std::string_view key, const T& value) {
    out << YAML::Key << std::string{key} << YAML::Value << value;
}

void begin(YAML::Emitter& out, std::string_view key) {
    out << YAML::Key << std::string{key} << YAML::Value << YAML::BeginMap;
}

void image(YAML::Emitter& out, std::string_view key, const std::string& url, std::string_view more,
           std::string_view value) {
    begin(out, key);
    pair(out, "url", url);
    if (!more.empty()) pair(out, more, std::string{value});
    out << YAML::EndMap;
}

void deploy(YAML::Emitter& out, const LavaBoard& board, const std::string& artifacts,
            const std::string& kernel) {
    const std::string base = artifacts + "/" + kernel;
    out << YAML::BeginMap;
    begin(out, "deploy");
    pair(out, "timeout", Minutes{10});
    pair(out, "to", "tftp");
    pair(out, "os", "oe");
    image(out, "kernel", base + "/Image", "type", "image");
    image(out, "modules", base + "/modules.tar.xz", "compression", "xz");
    image(out, "dtb", base + "/dtbs/" + board.dtb, "", "");
    image(out, "ramdisk", artifacts + "/rootfs.cpio.gz", "compression", "gz");
    out << YAML::EndMap << YAML::EndMap;
}

void boot(YAML::Emitter& out) {
    out << YAML::BeginMap;
    begin(out, "boot");
    pair(out, "timeout", Minutes{5});
    pair(out, "method", "u-boot");
    pair(out, "commands", "ramdisk");
    out << YAML::Key << "prompts" << YAML::Value << YAML::BeginSeq << "/ #" << YAML::EndSeq;
    out << YAML::EndMap << YAML::EndMap;
}

void test(YAML::Emitter& out, const Suite& suite) {
    out << YAML::BeginMap;
    begin(out, "test");
    pair(out, "timeout", Minutes{15});
    out << YAML::Key << "definitions" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
    begin(out, "repository");
    begin(out, "metadata");
    pair(out, "format", "Lava-Test Test Definition 1.0");
    pair(out, "name", suite.name);
    pair(out, "description", suite.title);
    out << YAML::EndMap;
    begin(out, "run");
    out << YAML::Key << "steps" << YAML::Value << YAML::BeginSeq;
    // A suite that finds something exits with 1: its lines tell what.
    out << fmt::format("{} > results.ktap || echo \"exit code $?\"",
                       fmt::join(suite.on_board, " "));
    out << "cat results.ktap";
    out << YAML::Literal << std::string{report_results};
    out << YAML::EndSeq << YAML::EndMap << YAML::EndMap;
    pair(out, "from", "inline");
    pair(out, "name", suite.name);
    pair(out, "path", fmt::format("inline/{}.yaml", suite.name));
    out << YAML::EndMap << YAML::EndSeq << YAML::EndMap << YAML::EndMap;
}

std::string job_yaml(const Suite& suite, const LavaBoard& board, const std::string& kernel,
                     const std::string& artifacts, const std::string& name) {
    YAML::Emitter out;
    out << YAML::BeginMap;
    pair(out, "job_name", "relfence " + name);
    pair(out, "device_type", board.device_type);
    pair(out, "visibility", "public");
    pair(out, "priority", "medium");
    begin(out, "timeouts");
    pair(out, "job", Minutes{40});
    pair(out, "action", Minutes{10});
    pair(out, "connection", Minutes{2});
    out << YAML::EndMap;
    begin(out, "metadata");
    pair(out, "relfence.kernel", kernel);
    pair(out, "relfence.board", board.name);
    pair(out, "relfence.suite", suite.name);
    out << YAML::EndMap;
    out << YAML::Key << "actions" << YAML::Value << YAML::BeginSeq;
    deploy(out, board, artifacts, kernel);
    boot(out);
    test(out, suite);
    out << YAML::EndSeq << YAML::EndMap;
    return std::string{"# SPDX-License-Identifier: MIT\n"} + out.c_str() + "\n";
}

bool is_url(std::string_view text) {
    constexpr std::array<std::string_view, 3> schemes{"http://", "https://", "file:///"};
    return std::ranges::any_of(schemes, [&](auto scheme) { return text.starts_with(scheme); }) &&
           !text.ends_with('/') &&
           std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Result<std::vector<LavaJob>> lava_jobs(const Matrix& matrix, const std::string& artifacts) {
    if (!is_url(artifacts))
        return fail("is no http://, https:// or file:// URL without a / at its end", artifacts,
                    "name with --artifacts where the laboratory finds the kernels");
    std::vector<LavaJob> jobs;
    for (const auto& suite : matrix.suites) {
        if (suite.on_board.empty()) continue;
        for (const auto& kernel : matrix.lava_kernels)
            for (const auto& board : matrix.lava_boards) {
                std::string name = fmt::format("{}-{}-{}", suite.name, kernel, board.name);
                std::string yaml = job_yaml(suite, board, kernel, artifacts, name);
                jobs.push_back({std::move(name), std::move(yaml)});
            }
    }
    return jobs;
}

}  // namespace relfence::matrix
