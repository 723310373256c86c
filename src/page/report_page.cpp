// SPDX-License-Identifier: MIT
#include "page/report_page.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "page/html.hpp"
#include "page/plot.hpp"

namespace relfence::page {
namespace {

using nlohmann::json;

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --fg:#1c2024; --dim:#667; --bg:#fcfcfd; --line:#d9dce3; --good:#12703a;
  --goodbg:#e4f5ea; --bad:#a81c1c; --badbg:#fde6e4; --none:#f2f3f5; --ink:#2456b5; }
@media (prefers-color-scheme: dark) { :root { --fg:#e8eaee; --dim:#9aa2b1; --bg:#14161a; --line:#333842;
  --good:#7fdca0; --goodbg:#173424; --bad:#ff9a90; --badbg:#47201e; --none:#1d2026; --ink:#86b0ff; } }
body { font:15px/1.5 system-ui,sans-serif; color:var(--fg); background:var(--bg); max-width:75rem;
  margin:2rem auto; padding:0 1rem; }
h1 { font-size:1.6rem; margin:0 } h2 { margin:2.2rem 0 .6rem; font-size:1.2rem }
.verdict { font-size:1.05rem; margin:.3rem 0 1.4rem } .verdict.ok { color:var(--good) } .verdict.no { color:var(--bad) }
.wide { overflow-x:auto } table { border-collapse:collapse; width:100% }
th,td { border:1px solid var(--line); padding:.35rem .6rem; text-align:left; vertical-align:top }
thead th { background:var(--none) } tbody th { font-weight:600; min-width:11rem }
td.ok { background:var(--goodbg) } td.no { background:var(--badbg) } td.none { background:var(--none); color:var(--dim) }
td .mark { float:right; font-weight:700 } td.ok .mark { color:var(--good) } td.no .mark { color:var(--bad) }
.case { font-weight:400; color:var(--dim); font-size:.88rem } small { color:var(--dim) }
summary { color:var(--dim); font-size:.88rem; cursor:pointer } details { font-size:.88rem }
h3 { font-size:1rem; margin:1rem 0 .3rem } .frames { display:flex; flex-wrap:wrap; gap:0 1rem } .frames h3 { flex-basis:100% }
td { min-width:7rem }
a { color:var(--ink) } figure { margin:0 0 1rem; max-width:24rem }
figure img { max-width:100%; border:1px solid var(--line); image-rendering:pixelated } figcaption { font-size:.85rem; color:var(--dim) }
.plot { width:100%; max-width:56rem; display:block; margin:.2rem 0 1.2rem } .plot text { font:12px system-ui,sans-serif; fill:var(--fg) }
.plot .label { text-anchor:end } .plot .axis { fill:var(--dim); text-anchor:middle } .plot .grid { stroke:var(--line) }
.plot .range { fill:var(--ink); opacity:.22 } .plot circle { fill:var(--ink); opacity:.45 } .plot .median { stroke:var(--fg); stroke-width:2 }
)css";

struct Row {
    std::string case_id;
    std::string driver;
    auto operator<=>(const Row&) const = default;
};

std::string text_of(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) return {};
    return it->is_string() ? it->get<std::string>() : it->dump();
}

bool is_ok(const json& cell) {
    const auto it = cell.find("ok");
    return it != cell.end() && it->is_boolean() && it->get<bool>();
}

/// Keeps the order in which the names first appear: the report's order is the reader's order.
template <typename T>
void add_once(std::vector<T>& list, T item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

Result<void> check(const json& report) {
    if (!report.is_object()) return fail("is not an object", "report");
    const auto cells = report.find("cells");
    if (cells == report.end() || !cells->is_array()) return fail("is not a list", "report: cells");
    for (std::size_t i = 0; i < cells->size(); ++i) {
        const json& cell = (*cells)[i];
        for (const char* key : {"case", "driver", "kernel", "seen"}) {
            if (!cell.is_object() || !cell.contains(key) || !cell[key].is_string())
                return fail("is not a text", fmt::format("report: cells[{}].{}", i, key));
        }
    }
    return {};
}

/// A file of the report as a link. Percent-encoded, so that no name becomes a scheme, a query or
/// leaves the attribute.
std::string link(std::string_view directory, std::string_view name) {
    std::string url{directory == "." || directory.empty() ? "./" : std::string{directory} + "/"};
    std::string encoded;
    for (const char c : url.append(name)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view{"/._-~+"}.find(c) != std::string_view::npos;
        encoded +=
            plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

/// What the modelled board says that the driver did wrong, beyond what the cell has room for.
std::string driver_bugs(const json& cell) {
    const auto details = cell.find("details");
    if (details == cell.end() || !details->is_object()) return {};
    const auto bugs = details->find("driver_bugs");
    if (bugs == details->end() || !bugs->is_array() || bugs->empty()) return {};
    std::string items;
    for (const json& bug : *bugs)
        if (bug.is_string()) items += fmt::format("<li>{}</li>", escape(bug.get<std::string>()));
    return fmt::format(
        "<details><summary>driver bugs that the board saw</summary><ul>{}</ul>"
        "</details>",
        items);
}

std::string table_cell(const json* cell, const std::string& why, std::string_view directory) {
    if (cell == nullptr) return "<td class=none>–</td>";
    const bool ok = is_ok(*cell);
    std::string html = fmt::format("<td class={}><span class=mark>{}</span>{}", ok ? "ok" : "no",
                                   ok ? "✓" : "✗", escape(text_of(*cell, "seen")));
    if (!ok)
        html += fmt::format("<br><small>expected: {}</small>", escape(text_of(*cell, "expected")));
    html += driver_bugs(*cell);
    if (!why.empty())
        html += fmt::format("<details><summary>why</summary>{}</details>", escape(why));
    if (const std::string log = text_of(*cell, "log"); !log.empty() && !ok)
        html += fmt::format("<br><a href='{}'>console log</a>", link(directory, log));
    return html + "</td>";
}

std::string table(const json& report, const std::vector<Row>& rows,
                  const std::vector<std::string>& kernels, std::string_view directory) {
    std::map<std::pair<Row, std::string>, const json*> cells;
    for (const json& cell : report["cells"])
        cells[{{cell["case"], cell["driver"]}, cell["kernel"]}] = &cell;
    std::map<std::string, const json*> cases;
    if (report.contains("cases") && report["cases"].is_array())
        for (const json& entry : report["cases"]) cases[text_of(entry, "case")] = &entry;

    std::string html = "<div class=wide><table><thead><tr><th>Case, driver</th>";
    for (const std::string& kernel : kernels) html += fmt::format("<th>{}</th>", escape(kernel));
    html += "</tr></thead><tbody>\n";
    std::string last;
    for (const Row& row : rows) {
        html += fmt::format("<tr><th>{}, {}", escape(row.case_id), escape(row.driver));
        const auto about = cases.find(row.case_id);
        // The drivers of a case share what is said about it.
        const bool first = row.case_id != last && about != cases.end();
        if (first)
            html +=
                fmt::format("<div class=case>{}</div>", escape(text_of(*about->second, "catches")));
        last = row.case_id;
        html += "</th>";
        for (const std::string& kernel : kernels) {
            const auto it = cells.find({row, kernel});
            std::string reason;
            if (first && about->second->contains("why") && (*about->second)["why"].is_object())
                reason = text_of((*about->second)["why"], kernel.c_str());
            html += table_cell(it == cells.end() ? nullptr : it->second, reason, directory);
        }
        html += "</tr>\n";
    }
    return html + "</tbody></table></div>\n";
}

std::string pictures(const json& report, std::string_view directory) {
    std::string html;
    for (const json& cell : report["cells"]) {
        if (!cell.contains("artifacts") || !cell["artifacts"].is_array()) continue;
        std::string images;
        for (const json& artifact : cell["artifacts"]) {
            if (!artifact.is_string()) continue;
            const auto name = artifact.get<std::string>();
            if (!name.ends_with(".png")) continue;
            images += fmt::format(
                "<figure><a href='{0}'><img src='{0}' alt='{1}' loading=lazy></a>"
                "<figcaption>{1}</figcaption></figure>\n",
                link(directory, name), escape(std::filesystem::path{name}.stem().string()));
        }
        if (images.empty()) continue;
        html += fmt::format("<div class=frames><h3>{}: {}, {}</h3>\n{}</div>\n",
                            escape(text_of(cell, "kernel")), escape(text_of(cell, "case")),
                            escape(text_of(cell, "driver")), images);
    }
    return html.empty() ? html : "<h2>Frames</h2>\n" + html;
}

std::string figures(const json& report) {
    std::vector<Plot> plots;
    for (const json& cell : report["cells"]) {
        if (!cell.contains("samples") || !cell["samples"].is_object()) continue;
        for (const auto& [name, sample] : cell["samples"].items()) {
            if (!sample.is_object() || !sample.contains("values") || !sample["values"].is_array())
                continue;
            Series series{fmt::format("{}, {}", text_of(cell, "kernel"), text_of(cell, "driver")),
                          {}};
            for (const json& value : sample["values"])
                if (value.is_number()) series.values.push_back(value.get<double>());
            if (series.values.empty()) continue;
            const std::string title = fmt::format("{}: {}", text_of(cell, "case"), name);
            auto plot = std::find_if(plots.begin(), plots.end(),
                                     [&](const Plot& p) { return p.title == title; });
            if (plot == plots.end())
                plot = plots.insert(plots.end(), {title, text_of(sample, "unit"), {}});
            plot->series.push_back(std::move(series));
        }
    }
    // Costs before counts of pixels: the times are what is looked for here.
    std::stable_partition(plots.begin(), plots.end(), [](const Plot& p) { return p.unit == "ns"; });
    std::string html;
    for (const Plot& plot : plots)
        html += fmt::format("<h3>{}</h3>\n{}", escape(plot.title), to_svg(plot));
    if (html.empty()) return html;
    return "<h2>Figures</h2><p><small>Each dot is a sample, the bar spans p10 to p90, the line is "
           "the "
           "median. User Mode Linux: ratios between kernels carry over to a board, absolute times "
           "do "
           "not.</small></p>\n" +
           html;
}

/// Whether a kernel was built to measure time, and runs no other case.
bool only_measures(const json& report, const std::string& kernel) {
    if (!report.contains("kernels") || !report["kernels"].is_array()) return false;
    return std::any_of(report["kernels"].begin(), report["kernels"].end(), [&](const json& entry) {
        return entry.is_object() && text_of(entry, "name") == kernel &&
               text_of(entry, "cost") == "true";
    });
}

std::string versions(const json& report) {
    if (!report.contains("versions") || !report["versions"].is_object()) return {};
    std::string html = "<h2>Versions</h2><div class=wide><table><tbody>\n";
    for (const auto& [name, value] : report["versions"].items())
        html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escape(name),
                            escape(value.is_string() ? value.get<std::string>() : value.dump()));
    return html + "</tbody></table></div>\n";
}

}  // namespace

Result<std::string> render_report(const json& report, std::string_view directory) {
    if (const auto checked = check(report); !checked) return tl::make_unexpected(checked.error());

    std::vector<Row> rows;
    std::vector<std::string> kernels;
    std::size_t good = 0;
    for (const json& cell : report["cells"]) {
        if (is_ok(cell)) ++good;
        const auto kernel = cell["kernel"].get<std::string>();
        // What was measured there stands among the figures; here it would be columns of nothing.
        if (only_measures(report, kernel) && is_ok(cell)) continue;
        add_once(rows, Row{cell["case"], cell["driver"]});
        add_once(kernels, kernel);
    }
    const std::size_t total = report["cells"].size();
    const std::string verdict =
        total == 0      ? "No cell was run."
        : good == total ? fmt::format("All {} cells are as expected.", total)
                        : fmt::format("{} of {} cells are not as expected.", total - good, total);
    return fmt::format(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><title>relfence: fences on V4L2 "
        "buffers</title>"
        "<style>{}</style></head>\n<body><h1>Is there a fence on the frame?</h1>"
        "<p class='verdict {}'>{}</p>\n{}{}{}{}</body></html>\n",
        kStyle, total > 0 && good == total ? "ok" : "no", verdict,
        table(report, rows, kernels, directory), pictures(report, directory), figures(report),
        versions(report));
}

}  // namespace relfence::page
