// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/base/files.hpp>
#include <relfence/bench/saved_runs.hpp>

namespace relfence::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view schema = "relfence-bench";
constexpr std::uintmax_t size_limit = 64U << 20;
constexpr std::size_t run_limit = 1000;  // a comparison looks at all pairs of runs
constexpr std::size_t figure_limit = 64;
constexpr std::size_t text_limit = 256;

bool is_plain(const std::string& text) {
    return text.size() <= text_limit &&
           std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

/// Takes values out of the parsed text; the first that is not as it must be is remembered.
class Reader {
  public:
    explicit Reader(std::string_view subject) : subject_{subject} {}

    /// The member of an object. @return null when there is none
    const json& member(const json& object, const char* name, json::value_t type) {
        static const json null;
        if (object.is_object()) {
            const auto found = object.find(name);
            if (found != object.end() && found->type() == type) return *found;
        }
        refuse(fmt::format("has no valid \"{}\"", name));
        return null;
    }
    std::string text(const json& object, const char* name) {
        const json& value = member(object, name, json::value_t::string);
        return value.is_string() ? plain(value, name) : std::string{};
    }
    std::string plain(const json& value, std::string_view name) {
        auto text = value.get<std::string>();
        if (is_plain(text)) return text;
        refuse(fmt::format("has a \"{}\" that is no short plain text", name));
        return {};
    }
    unsigned count(const json& object, const char* name) {
        const json& value = member(object, name, json::value_t::number_unsigned);
        if (!value.is_number_unsigned()) return 0;
        const auto number = value.get<std::uint64_t>();
        if (number > 100'000) refuse(fmt::format("has a \"{}\" beyond all reason", name));
        return static_cast<unsigned>(number);
    }
    void refuse(std::string what) {
        if (problem_.empty()) problem_ = std::move(what);
    }
    [[nodiscard]] bool ok() const { return problem_.empty(); }
    [[nodiscard]] tl::unexpected<Error> error() const {
        return fail(problem_, subject_, "a file that 'relfence bench --save' wrote is needed");
    }

  private:
    std::string_view subject_;
    std::string problem_;
};

Samples read_samples(Reader& reader, const json& entry, const std::string& name) {
    Samples samples{reader.text(entry, "unit"), {}};
    if (samples.unit != "ns" && samples.unit != "1/s")
        reader.refuse(fmt::format("has a unit of \"{}\" that is not known", name));
    const json& values = reader.member(entry, "values", json::value_t::array);
    if (values.is_array() && values.empty())
        reader.refuse(fmt::format("has no samples of \"{}\"", name));
    for (const json& value : values) {
        const double sample = value.is_number() ? value.get<double>() : -1;
        if (!std::isfinite(sample) || sample < 0) {
            reader.refuse(fmt::format("has a sample of \"{}\" that is no number from 0 on", name));
            break;
        }
        samples.values.push_back(sample);
    }
    return samples;
}

Run read_run(Reader& reader, const json& entry) {
    Run run;
    const json& figures = reader.member(entry, "figures", json::value_t::object);
    const json& missing = reader.member(entry, "missing", json::value_t::object);
    if (figures.size() + missing.size() > figure_limit) reader.refuse("has too many figures");
    for (const auto& [name, figure] : figures.items()) {
        if (!is_name(name)) reader.refuse("has a figure whose name is none");
        if (!reader.ok()) return run;
        run.figures.emplace(name, read_samples(reader, figure, name));
    }
    for (const auto& [name, why] : missing.items()) {
        if (!is_name(name) || !why.is_string()) reader.refuse("has no valid \"missing\"");
        if (!reader.ok()) return run;
        run.missing.emplace(name, reader.plain(why, "missing"));
    }
    return run;
}

}  // namespace

std::string runs_to_json(const SavedRuns& saved) {
    json runs = json::array();
    for (const Run& run : saved.runs) {
        json figures = json::object();
        for (const auto& [name, samples] : run.figures)
            figures[name] = {{"unit", samples.unit}, {"values", samples.values}};
        json missing = json::object();
        for (const auto& [name, why] : run.missing) missing[name] = why;
        runs.push_back({{"figures", std::move(figures)}, {"missing", std::move(missing)}});
    }
    const Machine& machine = saved.machine;
    const Work& work = saved.work;
    const json all{
        {"schema", schema},
        {"version", schema_version},
        {"program", saved.program},
        {"recorded", saved.recorded},
        {"machine",
         {{"kernel", machine.kernel},
          {"kernel_build", machine.kernel_build},
          {"architecture", machine.architecture},
          {"processor", machine.processor},
          {"processors", machine.processors},
          {"governor", machine.governor}}},
        {"work",
         {{"driver", work.driver}, {"card", work.card}, {"job", work.job}, {"depth", work.depth}}},
        {"runs", std::move(runs)}};
    // What a driver calls itself may be no UTF-8; it must not cost the samples.
    return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<SavedRuns> runs_from_json(std::string_view text, std::string_view subject) {
    Reader reader{subject};
    const json all = json::parse(text, nullptr, false);
    if (all.is_discarded()) {
        reader.refuse("is no JSON, or only the beginning of it");
        return reader.error();
    }
    if (!all.is_object() || all.value("schema", json{}) != schema) {
        reader.refuse("holds no runs of relfence bench");
        return reader.error();
    }
    if (const unsigned version = reader.count(all, "version");
        reader.ok() && version != schema_version)
        reader.refuse(fmt::format("is of version {} of the format, and this program reads {}",
                                  version, schema_version));
    SavedRuns saved;
    saved.program = reader.text(all, "program");
    saved.recorded = reader.text(all, "recorded");
    const json& machine = reader.member(all, "machine", json::value_t::object);
    saved.machine.kernel = reader.text(machine, "kernel");
    saved.machine.kernel_build = reader.text(machine, "kernel_build");
    saved.machine.architecture = reader.text(machine, "architecture");
    saved.machine.processor = reader.text(machine, "processor");
    saved.machine.processors = reader.count(machine, "processors");
    saved.machine.governor = reader.text(machine, "governor");
    const json& work = reader.member(all, "work", json::value_t::object);
    saved.work.driver = reader.text(work, "driver");
    saved.work.card = reader.text(work, "card");
    saved.work.job = reader.text(work, "job");
    saved.work.depth = reader.count(work, "depth");
    const json& runs = reader.member(all, "runs", json::value_t::array);
    if (runs.is_array() && runs.empty()) reader.refuse("holds no run");
    if (runs.size() > run_limit) reader.refuse(fmt::format("holds more than {} runs", run_limit));
    for (const json& run : runs) {
        if (!reader.ok()) break;
        saved.runs.push_back(read_run(reader, run));
    }
    if (!reader.ok()) return reader.error();
    return saved;
}

Result<void> save_runs(const fs::path& path, const SavedRuns& runs) {
    return write_file(path, runs_to_json(runs));
}

Result<SavedRuns> load_runs(const fs::path& path) {
    std::error_code error;
    const auto status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) return fail_errno("read", path.string(), ENOENT);
    if (error) return fail_errno("read", path.string(), error.value());
    if (!fs::is_regular_file(status)) return fail("is no regular file", path.string());
    const auto size = fs::file_size(path, error);
    if (error) return fail_errno("read", path.string(), error.value());
    if (size > size_limit)
        return fail(fmt::format("is larger than the {} MiB that are read", size_limit >> 20),
                    path.string());
    const auto text = read_file(path);
    if (!text) return tl::make_unexpected(text.error());
    return runs_from_json(*text, path.string());
}

}  // namespace relfence::bench
