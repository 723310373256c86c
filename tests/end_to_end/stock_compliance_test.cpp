// SPDX-License-Identifier: MIT
// v4l2-compliance on every device of the boards' drivers, streaming included: on the untouched
// kernel it fails exactly what compliance.json explains, on v2 nothing else.
#include <map>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// What v4l2-compliance says of one device.
struct DeviceResult {
    int tests = 0;                                ///< of its total
    int failed = 0;                               ///< likewise
    std::map<std::string, std::string> failures;  ///< test, first line of what it says
};

/// By the driver's name of the device; the script writes a line "== NAME" before each.
std::map<std::string, DeviceResult> read_results(const std::string& text) {
    static const std::regex total{R"(^Total for .*: (\d+), Succeeded: \d+, Failed: (\d+),.*)"};
    static const std::regex failed{R"(^\s*test (.*): FAIL$)"};
    std::map<std::string, DeviceResult> results;
    DeviceResult* device = nullptr;
    std::string says;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        const auto fail = line.find("fail: ");
        if (line.starts_with("== ")) device = &results[line.substr(3)];
        if (device == nullptr) continue;
        if (fail != std::string::npos && says.empty()) says = line.substr(fail + 6);
        if (std::regex_match(line, parts, failed)) device->failures[parts[1]] = says;
        if (std::regex_match(line, parts, total))
            device->tests = std::stoi(parts[1]), device->failed = std::stoi(parts[2]);
        if (line.find("\ttest ") != std::string::npos) says.clear();
    }
    return results;
}

json known_failures() {
    return json::parse(std::ifstream{RELFENCE_COMPLIANCE}).at("known");
}

bool is_of(const json& known, const std::string& device) {
    const std::string end = known.at("device");
    return end == "*" || device.ends_with(end);
}

/// What is not as the list says. @param all also what is listed and did not fail
std::vector<std::string> surprises(const std::map<std::string, DeviceResult>& results,
                                   const json& known, bool all) {
    std::vector<std::string> found;
    for (const auto& [device, result] : results) {
        std::set<std::string> explained;
        for (const auto& entry : known) {
            if (!is_of(entry, device)) continue;
            const std::string test = entry.at("test");
            const auto failure = result.failures.find(test);
            if (failure == result.failures.end()) {
                if (all) found.push_back(device + ": " + test + " is listed and does not fail");
            } else if (failure->second.find(entry.at("says").get<std::string>()) !=
                       std::string::npos) {
                explained.insert(test);
            }
        }
        for (const auto& [test, says] : result.failures)
            if (!explained.contains(test))
                found.push_back(fmt::format("{}: {} fails: {}", device, test, says));
        if (result.failed != static_cast<int>(result.failures.size()))
            found.push_back(fmt::format("{}: {} failures counted, {} read", device, result.failed,
                                        result.failures.size()));
    }
    return found;
}

class StockCompliance : public StockTest, public testing::WithParamInterface<BoardAndKernel> {};

// Catches an interface of the drivers that the series changes, and a board on which they do not get
// through the tests that use hardware.
TEST_P(StockCompliance, FailsOnlyWhatIsExplained) {
    const auto& [board, kernel] = GetParam();
    const Seen seen =
        run(GetParam(),
            "for n in /sys/class/video4linux/*; do case $(cat $n/name) in rockchip*) "
            "echo == $(cat $n/name); v4l2-compliance -d /dev/${n##*/} -s4 2>&1;; esac; done");
    EXPECT_THAT(seen.complaints(), IsEmpty());
    const auto results = read_results(seen.output);
    ASSERT_EQ(results.size(), 3U) << "decoder, encoder, RGA\n" << seen.output << seen.error;
    for (const auto& [device, result] : results) {
        // Less is a tool that gave up, or a device that is not there.
        EXPECT_GE(result.tests, 45) << device << '\n' << seen.output;
        RecordProperty(device, fmt::format("{} of {} fail", result.failed, result.tests));
    }
    const json known = known_failures();
    EXPECT_THAT(surprises(results, known, kernel == "baseline"), IsEmpty());
    EXPECT_THAT(seen.events, HasSubstr("vepu: job 1 done")) << "nothing was streamed";

    // The controls: a failure that is not listed, one that says something else, one that is gone.
    json changed = known;
    changed.erase(0);
    EXPECT_THAT(surprises(results, changed, false), Contains(HasSubstr("mismatch")));
    changed = known;
    changed[0]["says"] = "something else";
    EXPECT_THAT(surprises(results, changed, false), Contains(HasSubstr("mismatch")));
    changed = known;
    changed[0]["test"] = "something else";
    EXPECT_THAT(surprises(results, changed, true), Contains(HasSubstr("does not fail")));
}

INSTANTIATE_TEST_SUITE_P(Each, StockCompliance,
                         testing::Combine(testing::Values("fresnel", "ohm"),
                                          testing::Values("baseline", "v2")),
                         name_of);

}  // namespace
}  // namespace relfence::lab
