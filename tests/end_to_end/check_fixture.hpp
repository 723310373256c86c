// SPDX-License-Identifier: MIT
// What the tests of relfence check have in common: which checks a device can be tried with, and how
// a report is read.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "stock_fixture.hpp"

namespace relfence::lab {

/// Test drivers are done at once otherwise; how long real hardware takes is its own affair.
inline const std::string slow_down =
    "echo 150 > /sys/module/visl/parameters/visl_transtime_ms; "
    "echo 150 > /sys/module/vicodec/parameters/job_ms; ";

/// In the guest: "node vim2m" prints the device whose name in sysfs begins so.
inline const std::string node_of_name =
    "node() { for v in /sys/class/video4linux/video*; do grep -q \"^$1\" $v/name && "
    "echo /dev/${v##*/} && return; done; }; ";

inline bool is_hantro_decoder(const nlohmann::json& row) {
    return row["driver"] == "hantro-vpu" && row["role"] == "stateless decoder";
}

/// What cannot be tried on a device, for reasons that have nothing to do with fences.
inline bool cannot_be_tried(const nlohmann::json& row) {
    const std::string check = row["check"];
    const std::string driver = row["driver"];
    const std::string stream = row["stream"];
    if (check == "held-capture")
        return driver != "visl" && !(is_hantro_decoder(row) && stream == "h264");
    // Broken frames of the other codecs are shown as they come, and a converter breaks none.
    if (check == "failed-job") return driver != "vicodec" || stream != "fwht";
    // Takes contiguous memory only.
    return check.starts_with("imported-") && driver == "hantro-vpu";
}

inline std::string describe(const nlohmann::json& row) {
    return row["driver"].get<std::string>() + " " + row["stream"].get<std::string>() + " " +
           row["check"].get<std::string>() + ": " + row["verdict"].get<std::string>() + ", " +
           row["text"].get<std::string>();
}

/// Runs relfence on a board, and reads what it wrote.
class CheckTest : public StockTest {
  protected:
    [[nodiscard]] std::string text_of(const std::string& name) const {
        return read_file(media / name).value_or(name + " is not there");
    }
    [[nodiscard]] nlohmann::json json_of(const std::string& name) const {
        return nlohmann::json::parse(text_of(name), nullptr, false);
    }

    const std::string relfence = RELFENCE;
};

}  // namespace relfence::lab
