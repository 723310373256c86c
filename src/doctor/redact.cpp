// SPDX-License-Identifier: MIT
#include "doctor/redact.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>

#include <nlohmann/json.hpp>

namespace relfence::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* host = "<host>";
constexpr const char* user = "<user>";
constexpr const char* serial = "<serial>";

/// What many hosts and accounts are called, and what tells nothing of a person.
constexpr const char* common_names[] = {"localhost", "localdomain", "(none)",  "root", "nobody",
                                        "linux",     "user",        "unknown", "none"};

std::string first_line(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::string line;
    std::getline(file, line);
    // Strings of a device tree end in a null byte.
    while (!line.empty() &&
           (std::isspace(static_cast<unsigned char>(line.back())) != 0 || line.back() == '\0'))
        line.pop_back();
    return line;
}

bool same_letter(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
}

class SecretList {
  public:
    void add(std::string text, const char* instead) {
        const auto same = [&](std::string_view other) {
            return std::ranges::equal(text, other, same_letter);
        };
        if (text.empty() || std::ranges::any_of(common_names, same) ||
            std::ranges::any_of(secrets_, [&](const Secret& one) { return same(one.text); }))
            return;
        secrets_.push_back({std::move(text), instead});
    }
    /// A name with its parts: of "box.example.org" also "box", of "Jane Roe" also both words.
    void add_parts(const std::string& text, char separator, const char* instead) {
        add(text, instead);
        std::istringstream parts{text};
        for (std::string part; std::getline(parts, part, separator);)
            if (part.size() > 2) add(part, instead);
    }
    std::vector<Secret> take() {
        std::ranges::stable_sort(secrets_, [](const Secret& a, const Secret& b) {
            return a.text.size() > b.text.size();
        });
        return std::move(secrets_);
    }

  private:
    std::vector<Secret> secrets_;
};

void add_host(SecretList& secrets, const fs::path& root) {
    for (const char* file : {"proc/sys/kernel/hostname", "etc/hostname"}) {
        const std::string name = first_line(root / file);
        secrets.add(name, host);
        secrets.add(name.substr(0, name.find('.')), host);
    }
    secrets.add(first_line(root / "proc/sys/kernel/domainname"), host);
    secrets.add(first_line(root / "etc/machine-id"), serial);
}

/// People, not the accounts of services: those are the same everywhere.
void add_accounts(SecretList& secrets, const fs::path& root) {
    std::ifstream file{root / "etc/passwd"};
    for (std::string line; std::getline(file, line);) {
        std::vector<std::string> fields;
        std::istringstream stream{line};
        for (std::string field; std::getline(stream, field, ':');) fields.push_back(field);
        if (fields.size() < 6) continue;
        const unsigned long id = std::strtoul(fields[2].c_str(), nullptr, 10);
        if (id < 1000 || id == 65534) continue;
        secrets.add(fields[0], user);
        secrets.add_parts(fields[4].substr(0, fields[4].find(',')), ' ', user);
        secrets.add(fields[5], "<home>");
    }
}

/// Accounts that are in no file, such as those of a directory service, are in the environment.
void add_environment(SecretList& secrets, const Environment& environment) {
    for (const char* name : {"USER", "LOGNAME", "SUDO_USER", "DOAS_USER"})
        if (const auto found = environment.find(name); found != environment.end())
            secrets.add(found->second, user);
    for (const char* name : {"HOSTNAME", "HOST"})
        if (const auto found = environment.find(name); found != environment.end())
            secrets.add(found->second, host);
    if (const auto home = environment.find("HOME"); home != environment.end()) {
        const fs::path path{home->second};
        if (path != "/" && path != "/root") {
            secrets.add(path.string(), "<home>");
            secrets.add(path.filename().string(), user);
        }
    }
}

void add_serials(SecretList& secrets, const fs::path& root) {
    for (const char* file :
         {"product_serial", "board_serial", "chassis_serial", "product_uuid", "chassis_asset_tag"})
        secrets.add(first_line(root / "sys/class/dmi/id" / file), serial);
    secrets.add(first_line(root / "proc/device-tree/serial-number"), serial);
    std::ifstream processors{root / "proc/cpuinfo"};
    for (std::string line; std::getline(processors, line);)
        if (line.starts_with("Serial") && line.find(": ") != std::string::npos)
            secrets.add(line.substr(line.find(": ") + 2), serial);
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

std::string replace_word(std::string_view text, const Secret& secret) {
    std::string result;
    while (!text.empty()) {
        const auto found = std::ranges::search(text, secret.text, same_letter);
        if (found.empty()) break;
        const bool joined =
            (found.begin() != text.begin() && is_word(*(found.begin() - 1)) &&
             is_word(secret.text.front())) ||
            (found.end() != text.end() && is_word(*found.end()) && is_word(secret.text.back()));
        result.append(text.begin(), found.begin());
        result += joined ? std::string{found.begin(), found.end()} : secret.instead;
        text.remove_prefix(static_cast<std::size_t>(found.end() - text.begin()));
    }
    return result.append(text);
}

}  // namespace

std::vector<Secret> find_secrets(const fs::path& root, const Environment& environment) {
    SecretList secrets;
    add_host(secrets, root);
    add_accounts(secrets, root);
    add_environment(secrets, environment);
    add_serials(secrets, root);
    return secrets.take();
}

std::string redact(std::string_view text, const std::vector<Secret>& secrets) {
    std::string result{text};
    for (const Secret& secret : secrets) result = replace_word(result, secret);
    static const std::pair<std::regex, const char*> patterns[] = {
        {std::regex{"/home/[^/[:space:]\"',:;<>]+"}, "<home>"},
        {std::regex{"[[:alnum:]._+-]+@[[:alnum:]-]+(\\.[[:alnum:]-]+)+"}, "<mail>"},
        {std::regex{"\\b([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\\b"}, "<address>"},
        {std::regex{"\\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\b"}, "<uuid>"}};
    for (const auto& [pattern, instead] : patterns)
        result = std::regex_replace(result, pattern, instead);
    return result;
}

nlohmann::ordered_json redact_json(const nlohmann::ordered_json& value,
                                   const std::vector<Secret>& secrets) {
    using nlohmann::ordered_json;
    if (value.is_string()) return redact(value.get_ref<const std::string&>(), secrets);
    if (!value.is_structured()) return value;
    ordered_json result = value.is_array() ? ordered_json::array() : ordered_json::object();
    for (const auto& [name, inner] : value.items()) {
        if (value.is_array())
            result.push_back(redact_json(inner, secrets));
        else
            result[redact(name, secrets)] = redact_json(inner, secrets);
    }
    return result;
}

}  // namespace relfence::doctor
