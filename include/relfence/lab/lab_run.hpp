// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/builder.hpp>
#include <relfence/lab/case_run.hpp>
#include <relfence/lab/expectations.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/report.hpp>

namespace relfence::lab {

/// A kernel of a run: what it is and where it is.
struct RunKernel {
    KernelSpec spec;
    std::filesystem::path linux_binary;
    std::filesystem::path build_json;  ///< may be missing, for a kernel of someone else's
};

/// The case that measures time. It runs on the kernels that are built for it, and only it does.
inline constexpr std::string_view cost_case = "cost";

/// The cells to run on a kernel. All, except: only the cost case on a cost kernel and nowhere else;
/// and on an optional kernel only what cases.json expects something of.
[[nodiscard]] std::vector<CellId> cells_for(const KernelSpec& kernel,
                                            const std::vector<CellId>& cells,
                                            const Expectations& expectations);

/// Fills in expected and ok. A cell of which nothing is said is not ok, so that a case without an
/// expectation cannot pass unnoticed; a KUnit suite of which nothing is said must have no failure.
void judge(Report& report, const Expectations& expectations);
/// Adds a cell "absent" for each KUnit suite that is expected of a kernel and did not run there.
void add_absent_suites(Report& report, const Expectations& expectations);

/// Runs the cells on the kernels and puts the report together; not yet judged.
[[nodiscard]] Result<Report> run_lab(const std::vector<RunKernel>& kernels,
                                     const std::vector<CaseInfo>& cases,
                                     const std::vector<CellId>& cells,
                                     const Expectations& expectations,
                                     const CaseRunOptions& options);

/// Makes the second of two kernels judge the first: ok where both show the same.
/// @return only the rows in which they differ
[[nodiscard]] Report differences(const Report& report, const std::string& base,
                                 const std::string& series);

/// Writes report.json into the directory, and the KTAP file: the one named, or report.ktap beside
/// it.
[[nodiscard]] Result<void> write_report(const Report& report, const std::filesystem::path& out,
                                        const std::filesystem::path& ktap);

}  // namespace relfence::lab
