// SPDX-License-Identifier: MIT
// The only file that knows yaml-cpp, and of it only the parser: the tree is our own.
#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <fmt/format.h>

#include <relfence/fleet/yaml.hpp>
#include <relfence/lab/files.hpp>

namespace relfence::fleet {
namespace {

constexpr std::size_t size_limit = 64 * 1024;
constexpr std::size_t depth_limit = 16;

/// What makes the handler stop: yaml-cpp's callbacks have no other way out. Caught in parse_yaml().
struct Refused : std::runtime_error {
    Refused(int at, const std::string& why) : std::runtime_error{why}, line{at} {}
    int line;
};

int line_of(const YAML::Mark& mark) {
    return mark.line + 1;
}

bool is_control(char c) {
    return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f;
}

/// Builds the tree from the parser's events.
class Builder : public YAML::EventHandler {
  public:
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] Yaml take() { return std::move(top_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (finished_) throw Refused{line_of(mark), "a second document; one manifest is one file"};
    }
    void OnDocumentEnd() override { finished_ = true; }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check(mark, {}, anchor);
        add({Yaml::Kind::text, line_of(mark), {}, {}, {}});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Refused{line_of(mark), "an alias (*); write the value out"};
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check(mark, tag, anchor);
        // They would reach a terminal with the error that names the text.
        if (std::any_of(value.begin(), value.end(), [](char c) { return is_control(c); }))
            throw Refused{line_of(mark), "a control character in a text"};
        add({Yaml::Kind::text, line_of(mark), value, {}, {}});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Yaml::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Yaml::Kind::map);
    }
    void OnMapEnd() override { close(); }

  private:
    struct Open {
        Yaml value;
        std::string key;
        int key_line = 0;
        bool has_key = false;
    };

    static void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            throw Refused{line_of(mark), "an anchor (&); write the value out where it is needed"};
        // "?" is a plain scalar, "!" a quoted one: no tag was written.
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused{line_of(mark), fmt::format("a tag ({})", tag)};
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              Yaml::Kind kind) {
        check(mark, tag, anchor);
        if (open_.size() >= depth_limit)
            throw Refused{line_of(mark), fmt::format("nested deeper than {}", depth_limit)};
        open_.push_back({{kind, line_of(mark), {}, {}, {}}, {}, 0, false});
    }

    void close() {
        Yaml value = std::move(open_.back().value);
        open_.pop_back();
        add(std::move(value));
    }

    void add(Yaml value) {
        if (open_.empty()) {
            top_ = std::move(value);
            return;
        }
        Open& parent = open_.back();
        if (parent.value.kind == Yaml::Kind::list) {
            parent.value.items.push_back(std::move(value));
        } else if (!parent.has_key) {
            if (value.kind != Yaml::Kind::text)
                throw Refused{value.line, "a list or a map as a key"};
            if (const Yaml* first = parent.value.find(value.text))
                throw Refused{value.line, fmt::format("'{}' is given twice, first in line {}",
                                                      value.text, first->line)};
            parent.key = std::move(value.text);
            parent.key_line = value.line;
            parent.has_key = true;
        } else {
            parent.value.entries.push_back(
                {std::move(parent.key), parent.key_line, std::move(value)});
            parent.has_key = false;
        }
    }

    std::vector<Open> open_;
    Yaml top_;
    bool finished_ = false;
};

/// yaml-cpp puts what it did not understand into its messages.
std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return is_control(c) || c == '\n'; }, '?');
    return text;
}

tl::unexpected<Error> refuse(const std::string& name, int line, const std::string& why) {
    return fail(why, fmt::format("{}:{}", name, line));
}

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
    for (const auto& entry : entries)
        if (entry.key == key) return &entry.value;
    return nullptr;
}

Result<Yaml> parse_yaml(std::string_view text, const std::string& name) {
    if (text.size() > size_limit)
        return fail(fmt::format("is larger than {} bytes", size_limit), name);
    std::istringstream stream{std::string{text}};
    try {
        Builder builder;
        YAML::Parser parser{stream};
        while (parser.HandleNextDocument(builder)) {
        }
        if (!builder.finished()) return refuse(name, 1, "empty; a manifest is a map");
        Yaml top = builder.take();
        if (top.kind != Yaml::Kind::map)
            return refuse(name, top.line, "not a map; a manifest has 'key: value' at its top");
        return top;
    } catch (const Refused& refused) {
        return refuse(name, refused.line, refused.what());
    } catch (const YAML::Exception& error) {
        return refuse(name, error.mark.is_null() ? 1 : line_of(error.mark),
                      fmt::format("not YAML: {}", printable(error.msg)));
    }
}

Result<Yaml> read_yaml(const std::filesystem::path& path, const std::string& name) {
    // Looked at before it is opened: a FIFO would never give its end.
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return fail_errno("open", name);
    if (!S_ISREG(status.st_mode)) return fail("is not a regular file", name);
    if (static_cast<std::size_t>(status.st_size) > size_limit)
        return fail(fmt::format("is larger than {} bytes", size_limit), name);
    auto text = lab::read_file(path);
    if (!text) return tl::make_unexpected(text.error());
    return parse_yaml(*text, name);
}

}  // namespace relfence::fleet
