// SPDX-License-Identifier: MIT
// What manifests are refused, and with which words.
#include <sys/stat.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <relfence/fleet/manifest.hpp>
#include <relfence/fleet/yaml.hpp>

#include "fleet_fixture.hpp"

namespace relfence::fleet {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string refused(const std::string& text) {
    const auto yaml = parse_yaml(text, "f");
    return yaml ? "accepted" : yaml.error().message();
}

TEST(FleetYaml, KeepsTextsAsTheyAreWritten) {
    const auto yaml = parse_yaml("a: 0004\nb: no\nc:\n  - 'x'\n  - {d: 1}\n", "f");
    ASSERT_TRUE(yaml) << yaml.error().message();
    EXPECT_EQ(yaml->find("a")->text, "0004");
    EXPECT_EQ(yaml->find("b")->text, "no");
    EXPECT_EQ(yaml->find("c")->items.at(1).find("d")->text, "1");
    EXPECT_EQ(yaml->find("c")->items.at(1).line, 5);
    EXPECT_EQ(yaml->find("e"), nullptr);
}

// Ten of these lines stand for 10^10 texts.
TEST(FleetYaml, RefusesAliasesBeforeTheyGrow) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        bomb += fmt::format("a{}: &a{} [", i, i);
        for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j > 0 ? ", " : "", i - 1);
        bomb += "]\n";
    }
    EXPECT_THAT(refused(bomb), StartsWith("f:1: an anchor"));
    EXPECT_THAT(refused("a: 1\nb: *nobody\n"), StartsWith("f:2: "));
    EXPECT_THAT(refused("a: &x 1\n"), StartsWith("f:1: an anchor"));
}

TEST(FleetYaml, RefusesWhatAManifestCannotNeed) {
    EXPECT_THAT(refused(""), HasSubstr("empty"));
    EXPECT_THAT(refused("- a\n"), HasSubstr("f:1: not a map"));
    EXPECT_THAT(refused("a: 1\n---\nb: 2\n"), HasSubstr("a second document"));
    EXPECT_THAT(refused("a: !!binary QUJD\n"), HasSubstr("f:1: a tag"));
    EXPECT_THAT(refused("a: 1\nb: 2\na: 3\n"),
                HasSubstr("f:3: 'a' is given twice, first in line 1"));
    EXPECT_THAT(refused("? [a]\n: 1\n"), HasSubstr("as a key"));
    EXPECT_THAT(refused("a: [1\nb: 2\n"), HasSubstr("not YAML"));
    EXPECT_THAT(refused("a: \"x\\0y\"\n"), HasSubstr("a control character"));
    EXPECT_THAT(refused("\"\\e]0;title\": 1\n"), HasSubstr("a control character"));
    EXPECT_THAT(refused("a: \"\\\x1b\"\n"), Not(HasSubstr("\x1b")));
    EXPECT_THAT(refused("a: " + std::string(100, '[') + "\n"), HasSubstr("nested deeper"));
    EXPECT_THAT(refused(std::string(70000, '#')), HasSubstr("larger than"));
    EXPECT_EQ(refused("a: 1\n"), "accepted");
}

// Nothing that can be put into a file may end the program.
TEST(FleetYaml, SurvivesEachCutAndEachByte) {
    const std::string text = "a: {b: [1, 'two', \"\\x41\"], c: |\n  x\n}\nd: 2\n";
    for (std::size_t i = 0; i < text.size(); ++i) {
        refused(text.substr(0, i));
        for (const int byte : {0, 9, 10, 38, 42, 58, 91, 123, 128, 255}) {
            std::string changed = text;
            changed[i] = static_cast<char>(byte);
            refused(changed);
        }
    }
}

class FleetManifest : public FleetProject {
  protected:
    std::string load() const {
        const auto loaded = load_manifest(root, "host");
        return loaded ? "accepted" : loaded.error().message();
    }
};

TEST_F(FleetManifest, IsReadAsItIsWritten) {
    const auto loaded = load_manifest(root, "host");
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_EQ(loaded->version, "6.12");
    EXPECT_FALSE(loaded->deferred);
    // In the order of apply_order, not of includes.
    EXPECT_EQ(loaded->includes.at(0).scope, "board/host");
    EXPECT_TRUE(loaded->includes.at(0).external);
    EXPECT_EQ(loaded->includes.at(1).patches, (std::vector<std::string>{"0004", "0005"}));
    EXPECT_EQ(loaded->config.at(0),
              (std::pair<std::string, std::string>{"CONFIG_VIDEO_HANTRO", "m"}));
}

struct Wrong {
    const char* name;
    const char* from;
    const char* to;
    const char* said;
};

class WrongManifest : public FleetManifest, public testing::WithParamInterface<Wrong> {};

TEST_P(WrongManifest, NamesLineFieldAndWhatIsExpected) {
    change(GetParam().from, GetParam().to);
    EXPECT_THAT(load(), HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    , WrongManifest,
    testing::Values(
        Wrong{"format", "format: 1", "format: 2", "fleet/host.yaml:1: format: expected 1"},
        Wrong{"host", "host: host", "host: other", "fleet/host.yaml:2: host: expected host"},
        Wrong{"key", "  soc:", "  sco:", "fleet/host.yaml:5: board.sco: unknown"},
        Wrong{"top", "package:", "packages:", "packages: unknown"},
        Wrong{"missing", "  ref: v6.12.117\n", "", "ref: missing"},
        Wrong{"no_map",
              "board:\n  name: a board\n  soc: RK3399\n  gpu: Mali-T860\n  arch: arm64\n"
              "  drivers: [hantro]\n",
              "board: RK3399\n", "fleet/host.yaml:3: board: expected a map"},
        Wrong{"list_for_text", "gpu: Mali-T860", "gpu: [Mali]", "gpu: expected a text"},
        Wrong{"text_for_list", "drivers: [hantro]", "drivers: hantro", "drivers: expected a list"},
        Wrong{"two_lines", "reason: it decodes", "reason: |\n    one\n    two",
              "reason: expected a text of one line"},
        Wrong{"empty_list", "drivers: [hantro]", "drivers: []", "drivers: expected a list"},
        Wrong{"flag", "carried: true", "carried: 1", "carried: expected true or false"},
        Wrong{"state", "state: eligible", "state: maybe", "state: expected eligible or deferred"},
        Wrong{"no_reopen", "state: eligible\n  carried: true", "state: deferred\n  carried: false",
              "reopen: missing"},
        Wrong{"carried_deferred", "state: eligible", "state: deferred\n  reopen: x",
              "carried: a deferred host carries nothing"},
        Wrong{"reopen", "carried: true", "carried: true\n  reopen: x", "only a deferred host"},
        Wrong{"ref", "v6.12.117", "6.12.y", "fleet/host.yaml:15: ref: expected the tag"},
        Wrong{"ref_escape", "v6.12.117", "v6.12/../../x", "ref: 'v6.12/../../x' has more than"},
        Wrong{"scope_escape", "- scope: media/vb2", "- scope: ../../etc",
              "scope: expected a relative path"},
        Wrong{"scope_absolute", "- scope: media/vb2", "- scope: /etc",
              "scope: expected a relative path"},
        Wrong{"scope_dot", "- scope: media/vb2", "- scope: media/./vb2",
              "scope: expected a relative"},
        Wrong{"scope_space", "- scope: media/vb2", "- scope: 'media/vb2 -x'", "scope: expected"},
        Wrong{"number", "\"0004\", ", "\"4\", ", "patches: expected numbers of four digits"},
        Wrong{"number_path", "\"0004\", ", "\"../4\", ",
              "patches: expected numbers of four digits"},
        Wrong{"twice", "\"0004\", ", "\"0005\", ", "0005 is named twice"},
        Wrong{"collision", "[\"0001\"]", "[\"0004\"]", "0004 is in two includes"},
        Wrong{"external", "    patches: [\"0001\"]\n", "", "patches: missing"},
        Wrong{"order_twice", "  - board/host\n  - media", "  - media/vb2\n  - media",
              "media/vb2 is named twice"},
        Wrong{"order_missing", "  - board/host\n  - media", "  - media",
              "board/host of includes is missing"},
        Wrong{"order_unknown", "  - board/host\n  - media", "  - board/x\n  - media",
              "board/x is named twice, or"},
        Wrong{"config_name", "CONFIG_KUNIT", "KUNIT", "expected CONFIG_NAME"},
        Wrong{"config_inject", "CONFIG_KUNIT: n", "\"CONFIG_A=y\\nCONFIG_B\": n",
              "expected CONFIG_NAME"},
        Wrong{"config_value", "CONFIG_KUNIT: n", "CONFIG_KUNIT: maybe", "expected y, m or n"},
        Wrong{"package", "linux-host", "'linux host'", "name: 'linux host' has more"},
        Wrong{"bar", "bar: applies", "bar: perfect", "bar: expected applies or"},
        Wrong{"bar_text", "{bar: applies, where: lab, how: try it}", "applies", "bar: missing"}),
    [](const testing::TestParamInfo<Wrong>& test) { return test.param.name; });

TEST_F(FleetManifest, IsFoundByANameOnly) {
    for (const char* name : {"../host", "/etc/passwd", "", "Host", "a b", "-host", "host.yaml"})
        EXPECT_THAT(load_manifest(root, name).error().message(), HasSubstr("is no name of a host"));
    EXPECT_THAT(
        load_manifest(root, "nobody").error().message(),
        HasSubstr("open fleet/nobody.yaml: No such file or directory (relfence-lab fleet list"));
}

TEST_F(FleetManifest, IsARegularFile) {
    std::filesystem::remove(root / "fleet/host.yaml");
    ASSERT_EQ(::mkfifo((root / "fleet/host.yaml").c_str(), 0600), 0);
    EXPECT_THAT(load(), HasSubstr("is not a regular file"));
}

TEST_F(FleetManifest, HostsAreListed) {
    put("fleet/another.yaml", "");
    EXPECT_EQ(list_hosts(root).value(), (std::vector<std::string>{"another", "host"}));
    EXPECT_FALSE(list_hosts(root / "none"));
}

}  // namespace
}  // namespace relfence::fleet
