// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/expectations.hpp>
#include <relfence/lab/files.hpp>

namespace relfence::lab {
using nlohmann::json;

Result<Expected> Expected::parse(const std::string& text) {
    Expected expected;
    expected.text_ = text;
    if (text.size() < 2 || !text.starts_with('/') || !text.ends_with('/')) return expected;
    try {
        expected.expression_.emplace(text.substr(1, text.size() - 2));
    } catch (const std::regex_error& error) {
        return fail(fmt::format("is no regular expression: {}", error.what()), text);
    }
    return expected;
}

bool Expected::matches(const std::string& seen) const {
    return expression_ ? std::regex_match(seen, *expression_) : seen == text_;
}

const CaseExpectations* Expectations::find(const std::string& name) const {
    const auto found = std::find_if(cases.begin(), cases.end(),
                                    [&](const auto& entry) { return entry.name == name; });
    return found == cases.end() ? nullptr : &*found;
}

const Expected* Expectations::find(const CellId& cell, const std::string& kernel) const {
    const CaseExpectations* entry = find(cell.name);
    if (entry == nullptr) return nullptr;
    const auto drivers = entry->expected.find(kernel);
    if (drivers == entry->expected.end()) return nullptr;
    auto found = drivers->second.find(cell.driver);
    if (found == drivers->second.end()) found = drivers->second.find("*");
    return found == drivers->second.end() ? nullptr : &found->second;
}

void Expectations::inherit(const std::string& kernel, const std::string& from) {
    for (auto& entry : cases) {
        if (const auto drivers = entry.expected.find(from); drivers != entry.expected.end()) {
            const auto inherited = drivers->second;
            auto& own = entry.expected[kernel];
            // Of all drivers alike is not of this one: "*" of its own hides what is inherited.
            if (!own.contains("*")) own.insert(inherited.begin(), inherited.end());
        }
        if (const auto why = entry.why.find(from); why != entry.why.end())
            entry.why.emplace(kernel, std::string{why->second});
    }
}

namespace {

Result<CaseExpectations> read_case(const json& entry) {
    CaseExpectations result;
    result.name = entry.at("case").get<std::string>();
    result.why = entry.value("why", std::map<std::string, std::string>{});
    for (const auto& [kernel, drivers] : entry.at("expected").items())
        for (const auto& [driver, text] : drivers.items()) {
            auto expected = Expected::parse(text.get<std::string>());
            if (!expected)
                return fail(expected.error().message(),
                            fmt::format("case {}, {}, {}", result.name, kernel, driver));
            result.expected[kernel].emplace(driver, std::move(*expected));
        }
    return result;
}

}  // namespace

Result<Expectations> load_expectations(const std::filesystem::path& file) {
    auto text = read_file(file);
    if (!text) return tl::make_unexpected(text.error());
    Expectations expectations;
    try {
        const json document = json::parse(*text);
        for (const auto& entry : document.at("cases")) {
            auto read = read_case(entry);
            if (!read) return fail(read.error().message(), file.string());
            if (expectations.find(read->name) != nullptr)
                return fail(fmt::format("names the case {} twice", read->name), file.string());
            expectations.cases.push_back(std::move(*read));
        }
    } catch (const json::exception& error) {
        return fail(error.what(), file.string());
    }
    return expectations;
}

}  // namespace relfence::lab
