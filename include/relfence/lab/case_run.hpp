// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/board_log.hpp>
#include <relfence/lab/case_list.hpp>
#include <relfence/lab/console_log.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/report.hpp>

namespace relfence::lab {

/// What a cell needs of its guest beside a kernel.
struct Machine {
    std::vector<std::string> board;             ///< relfence-board's arguments; none: no board
    std::vector<std::string> kernel_arguments;  ///< for the kernel's command line
    bool operator==(const Machine&) const = default;
};
/// A cell that is not there needs nothing.
using Machines = std::map<CellId, Machine>;

/// How cases are run in guests.
struct CaseRunOptions {
    std::filesystem::path program;  ///< relfence-cases
    std::filesystem::path init;     ///< relfence-init
    std::filesystem::path out;      ///< the report's directory; logs go below it
    std::string memory = "512M";
    /// A guest in which for so long no cell starts and no program says anything is "silent".
    std::chrono::milliseconds silence{60'000};
    bool quick = false;
    Machines machines;
    /// At the same time; 0: two for each processor, since a guest sleeps while its jobs last.
    std::size_t guests = 0;
    const Interrupts* interrupts = nullptr;
};

/// What is run on one kernel.
struct KernelRun {
    std::string name;
    std::filesystem::path kernel;  ///< the linux binary
    std::vector<CellId> cells;
    bool kunit = false;  ///< its KUnit suites as well
    bool alone = false;  ///< with nothing beside it: it measures time, or is slow as it is
    bool smp = false;    ///< its processors are threads, which shall run at the same time
};

/// What came of all the runs.
struct CaseRunResult {
    std::vector<Cell> cells;  ///< by kernel and row in the order asked for; no expectation yet
    std::map<std::string, std::vector<long long>> boot_ms;  ///< by kernel, one for each boot
};

/// Runs all cells on all kernels, several guests at a time. A guest that dies, splats or falls
/// silent is a result of the cell that was running; the cells after it get a fresh guest, since
/// lockdep is off after its first report and a WARN_ONCE does not come twice. Trouble before the
/// first cell is a cell of its own, boot/kernel.
/// @param settled called from several threads, one at a time, for each cell that is done
/// @return an error only when the lab cannot do its work, or on a Ctrl-C (EINTR)
[[nodiscard]] Result<CaseRunResult> run_cases(const std::vector<KernelRun>& runs,
                                              const CaseRunOptions& options,
                                              const std::function<void()>& settled);

/// One boot's harvest, to be told apart into cells.
struct BootHarvest {
    ConsoleLog console;
    std::vector<CaseLine> lines;  ///< of relfence-cases
    std::vector<DriverBug> bugs;  ///< that its board reported
    bool silent = false;          ///< ended by us, since nothing came any more
    bool finished = false;        ///< the program came to its own end
    std::string failure;          ///< why it did not start, or its exit status
    std::string log;              ///< console log, relative to the report
    std::string directory;        ///< of the boot, relative to the report
};

/// The cells that a boot settles of those that were @p asked of it: the ones with a result, and the
/// one that was running when the guest went down. A trouble on the console goes before the
/// program's own text, which stays in the details, and so does what the board says that the driver
/// did wrong meanwhile; but that spoils no cell after it. Cells after the first trouble are not
/// settled. At least one cell is settled if any was asked for, so that going on with the rest comes
/// to an end.
[[nodiscard]] std::vector<Cell> settle_cells(const BootHarvest& boot,
                                             const std::vector<CellId>& asked,
                                             const std::string& kernel);

}  // namespace relfence::lab
