// SPDX-License-Identifier: MIT
#include "checks/run.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fnmatch.h>

#include <fmt/format.h>

#include <relfence/base/apart.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::checks {
namespace {

/// For one check: some take a few times their patience when a driver does nothing right.
constexpr std::chrono::seconds longest_check{40};
/// For the end of its process, with the close() of the device.
constexpr std::chrono::seconds longest_close{10};

/// A finding as text through a pipe, and back.
std::string pack(const Finding& finding) {
    return fmt::format("{}{}{}", static_cast<int>(finding.verdict), finding.device_busy ? 1 : 0,
                       finding.text);
}

Finding unpack(const std::string& text) {
    return {static_cast<Verdict>(text[0] - '0'), text.substr(2), text[1] == '1'};
}

/// Whether a device that was there before has no driver any more.
bool has_gone(const std::string& path) {
    const auto fd = open_fd(path, O_RDWR | O_NONBLOCK);
    return !fd && fd.error().code != EBUSY;
}

Finding conclude(const Apart& apart) {
    if (!apart.ended)
        return Finding::fail((apart.said ? unpack(*apart.said).text + "; " : std::string{}) +
                             "the driver holds the process, which cannot even be killed");
    if (apart.said) return unpack(*apart.said);
    if (apart.signal == SIGKILL)
        return Finding::error(fail("did not end in time, or was killed", "check",
                                   "see the kernel's log: the kernel kills who meets a bug of its")
                                  .value());
    return Finding::error(fail(fmt::format("died of signal {}", apart.signal), "check").value());
}

}  // namespace

Counts count(const std::vector<Section>& sections) {
    Counts counts;
    for (const Section& section : sections)
        for (const Row& row : section.rows) switch (row.finding.verdict) {
                case Verdict::pass:
                    ++counts.pass;
                    break;
                case Verdict::fail:
                    ++counts.fail;
                    break;
                case Verdict::warn:
                    ++counts.warn;
                    break;
                case Verdict::skip:
                    ++counts.skip;
                    break;
                case Verdict::error:
                    ++counts.error;
                    break;
            }
    return counts;
}

int exit_code(const Counts& counts) {
    if (counts.fail != 0) return 1;
    if (counts.error != 0) return 2;
    return counts.pass + counts.warn != 0 ? 0 : 77;
}

std::vector<const Check*> choose(const std::vector<std::string>& globs) {
    std::vector<const Check*> chosen;
    for (const Check& check : all_checks())
        if (globs.empty() || std::ranges::any_of(globs, [&](const std::string& glob) {
                return ::fnmatch(glob.c_str(), check.name, 0) == 0;
            }))
            chosen.push_back(&check);
    return chosen;
}

Row run_check(const Check& check, const Subject& subject, bool& stuck) {
    const auto start = std::chrono::steady_clock::now();
    const auto apart =
        run_apart([&] { return pack(check.run(subject)); }, longest_check, longest_close);
    Row row{&check, apart ? conclude(*apart) : Finding::error(apart.error()),
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                  start)};
    stuck = apart && !apart->ended;
    std::ranges::replace(row.finding.text, '\n', ' ');
    return row;
}

std::vector<Section> check_device(const devices::VideoDevice& device, const Plan& plan,
                                  const std::function<void(const Section&)>& begin,
                                  const std::function<void(const Row&)>& step) {
    std::vector<Section> sections;
    const auto start = [&](std::string stream) {
        sections.push_back({device.path,
                            device.driver,
                            device.card,
                            std::string{devices::name_of(device.role)},
                            std::move(stream),
                            {}});
        begin(sections.back());
    };
    const auto add = [&](Row row) {
        if (plan.strict && row.finding.verdict == Verdict::warn)
            row.finding.verdict = Verdict::fail;
        sections.back().rows.push_back(std::move(row));
        step(sections.back().rows.back());
    };
    std::string hopeless;  // why the checks that are left are not tried
    const auto try_check = [&](const Check& check, const Subject& subject) {
        if (!hopeless.empty()) return Row{&check, Finding::skip(hopeless)};
        bool stuck = false;
        Row row = run_check(check, subject, stuck);
        if (stuck) {
            hopeless = "an earlier check hangs in the driver";
        } else if (row.finding.device_busy) {
            hopeless = "the device is busy";
        } else if (row.finding.verdict != Verdict::pass && has_gone(device.path)) {
            // It may have gone at any time: what the check saw says nothing.
            row.finding =
                Finding::error(fail("has gone while it was checked", device.path).value());
            hopeless = "the device has gone";
        }
        return row;
    };
    for (const jobs::Workload& workload : jobs::workloads_of(device)) {
        start(workload.stream);
        const Subject subject{
            [&workload](unsigned depth, const jobs::Memory& memory, jobs::PictureSize size) {
                return jobs::open_workload(workload, depth, memory, size);
            }};
        for (const Check* const check : plan.checks) add(try_check(*check, subject));
    }
    if (sections.empty()) {
        start({});
        for (const Check* const check : plan.checks)
            add({check, Finding::skip("no stream is known for any format that the device takes")});
    }
    return sections;
}

}  // namespace relfence::checks
