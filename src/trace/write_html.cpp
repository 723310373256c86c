// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/trace/writers.hpp>

#include "trace/page_parts.hpp"

namespace relfence::trace {
namespace {

using PageValue = nlohmann::json;

std::string escape_html(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                // Names come from devices and processes of others.
                safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
                break;
        }
    }
    return safe;
}

std::string embed(const Timeline& timeline) {
    const auto since = [&](Time time) {
        return static_cast<std::int64_t>(time > timeline.begin ? time - timeline.begin : 0);
    };
    PageValue value{{"end", since(timeline.end)}};
    value["lanes"] = PageValue::array();
    for (const Lane& lane : timeline.lanes) {
        PageValue one{{"group", lane.group}, {"name", lane.name}, {"queue", lane.queue}};
        one["slices"] = PageValue::array();
        for (const Slice& slice : lane.slices)
            one["slices"].push_back({{"b", since(slice.begin)},
                                     {"e", since(slice.end)},
                                     {"l", name(slice.look)},
                                     {"n", slice.name},
                                     {"d", slice.details}});
        value["lanes"].push_back(std::move(one));
    }
    value["arrows"] = PageValue::array();
    for (const Arrow& arrow : timeline.arrows)
        value["arrows"].push_back(
            {arrow.from_lane, since(arrow.from), arrow.to_lane, since(arrow.to)});
    std::string text = value.dump(-1, ' ', false, PageValue::error_handler_t::replace);
    // "</script>" in a name must not end the script.
    for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;)
        text.replace(at, 1, "\\u003c");
    return text;
}

constexpr std::string_view legend =
    "<p id='legend'><span><i style='background:#2f7d4f'></i>frame with a fence</span>"
    "<span><i style='background:#8d6bb8'></i>frame without</span>"
    "<span><i style='background:#e09b3d'></i>waits</span>"
    "<span><i style='background:#4b83c4'></i>uses</span>"
    "<span><i style='background:#c62f2f'></i>uses too early</span>"
    "<span><i style='background:#6b1f1f'></i>pool empty</span> arrows: from a fence's signal to "
    "who waited\n"
    "<button id='whole'>whole trace</button> wheel: zoom, drag: move</p>\n";

}  // namespace

std::string to_html(const Timeline& timeline, const std::vector<Finding>& findings,
                    const Model& model, const Run& run) {
    std::string page =
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<title>relfence trace</title>\n<style>";
    page += page_style;
    page += "</style></head><body>\n<h1>relfence trace</h1>\n";
    page +=
        fmt::format("<p class='run'>{}{}{} frames, {} events, {} fences, {} lost, {:.1f} ms</p>\n",
                    run.command.empty() ? "" : escape_html(run.command) + " &middot; ",
                    run.kernel.empty() ? "" : "Linux " + escape_html(run.kernel) + " &middot; ",
                    timeline.frames(), model.events(), model.fences_seen(), model.lost(),
                    static_cast<double>(model.last() - model.first()) / 1e6);
    page += "<ul class='findings'>\n";
    for (const Finding& finding : findings)
        page += fmt::format("<li class='{}'>{}</li>\n", finding.wrong() ? "wrong" : "fact",
                            escape_html(finding.text));
    page += "</ul>\n";
    page += legend;
    page += "<div id='view'><canvas id='canvas'></canvas><div id='tip'></div></div>\n";
    page +=
        "<script>window.onerror = text => { document.documentElement.dataset.error = text; "
        "};</script>\n";
    page += "<script type='application/json' id='trace'>" + embed(timeline) + "</script>\n";
    page += "<script>";
    page += page_script;
    page += "</script>\n</body></html>\n";
    return page;
}

}  // namespace relfence::trace
