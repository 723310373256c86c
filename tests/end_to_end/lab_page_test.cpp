// SPDX-License-Identifier: MIT
// page: from a report's file to the page's file.
#include <gmock/gmock.h>

#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kReport = R"({"cells": [{"case": "in-flight-fence", "driver": "vim2m",
  "kernel": "v2", "seen": "stub", "expected": "real", "ok": false, "log": "boots/v2/console.log"}]})";

class Page : public LabTest {};

TEST_F(Page, StandsBesideTheReport) {
    put("run/report.json", kReport);
    const auto result = lab({"page", "run/report.json"});
    EXPECT_EQ(exit_code(result), 0) << result.error;
    EXPECT_EQ(result.output, "run/index.html\n");
    EXPECT_THAT(get("run/index.html"), HasSubstr("href='./boots/v2/console.log'"));
}

// The fault it catches: links that are relative to the report while the page is elsewhere.
TEST_F(Page, ElsewhereLinksBackToTheReport) {
    put("run/report.json", kReport);
    put("web/keep", "");
    EXPECT_EQ(exit_code(lab({"page", "run/report.json", "--out", "web/page.html"})), 0);
    EXPECT_THAT(get("web/page.html"), HasSubstr("href='../run/boots/v2/console.log'"));
}

// What is no report says so with its name, exit code 2, and leaves an older page alone.
TEST_F(Page, SaysWhatIsWrongAndKeepsTheOldPage) {
    put("run/index.html", "old");
    const auto missing = lab({"page", "run/report.json"});
    EXPECT_EQ(exit_code(missing), 2);
    EXPECT_THAT(missing.error, HasSubstr("run/report.json: No such file or directory"));

    put("run/report.json", "{\"cells\": [");
    const auto cut = lab({"page", "run/report.json"});
    EXPECT_EQ(exit_code(cut), 2);
    EXPECT_THAT(cut.error, HasSubstr("is not JSON"));

    put("run/report.json", "{\"cells\": 3}");
    const auto other = lab({"page", "run/report.json"});
    EXPECT_EQ(exit_code(other), 2);
    EXPECT_THAT(other.error, HasSubstr("cells"));
    EXPECT_EQ(get("run/index.html"), "old");
}

TEST_F(Page, APageThatCannotBeWrittenIsAnErrorAndLeavesNothing) {
    put("run/report.json", kReport);
    const auto result = lab({"page", "run/report.json", "--out", "nowhere/page.html"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("nowhere/page.html"));
    EXPECT_THAT(list("run"), ElementsAre("report.json"));
    EXPECT_THAT(list("nowhere"), IsEmpty());
}

}  // namespace
}  // namespace relfence::lab
