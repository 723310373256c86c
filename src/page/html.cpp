// SPDX-License-Identifier: MIT
#include "page/html.hpp"

namespace relfence::page {

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default: {
                const auto byte = static_cast<unsigned char>(c);
                const bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
                out += control ? std::string{"\xef\xbf\xbd"} : std::string(1, c);
            }
        }
    }
    return out;
}

}  // namespace relfence::page
