// SPDX-License-Identifier: MIT
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/files.hpp>

#include "page/report_page.hpp"
#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

Result<std::string> render(const fs::path& report, const fs::path& page) {
    const auto text = read_file(report);
    if (!text) return tl::make_unexpected(text.error());
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_discarded())
        return fail("is not JSON", report.string(), "relfence-lab run writes report.json");
    // The report names its files relative to itself; the page may be elsewhere.
    std::error_code error;
    const fs::path from = fs::absolute(page, error).parent_path();
    const fs::path directory = fs::absolute(report, error).parent_path();
    auto html = page::render_report(json, directory.lexically_relative(from).generic_string());
    if (!html)
        return fail(html.error().message(), report.string(), "relfence-lab run writes report.json");
    return html;
}

int make_page(const fs::path& report, fs::path page) {
    if (page.empty()) page = report.parent_path() / "index.html";
    const auto html = render(report, page);
    if (!html) return complain(html.error());
    if (const auto written = write_file(page, *html); !written) return complain(written.error());
    fmt::print("{}\n", page.string());
    return exit_ok;
}

}  // namespace

Command add_page(CLI::App& app) {
    struct Arguments {
        std::string report;
        std::string out;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = app.add_subcommand("page", "make a web page of a report");
    command->add_option("report", arguments->report, "report.json of run or compare")->required();
    command->add_option("-o,--out", arguments->out,
                        "file to write (default: index.html beside the report)");
    command->footer(
        "The page shows verdict, table, frames and figures. It needs no network and no script;\n"
        "frames and console logs are links to where the report has them.\n"
        "\n"
        "Exit code: 0, or 2 when the report cannot be read or the page not written.\n"
        "\n"
        "Example:\n"
        "  relfence-lab page out/demo/report.json");
    return [arguments](const Interrupts&) { return make_page(arguments->report, arguments->out); };
}

}  // namespace relfence::lab
