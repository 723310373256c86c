// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/trace/model.hpp>

namespace relfence::trace {

/// What a finding is about. The first three say that something went wrong.
enum class Verdict : std::uint8_t {
    read_early,  ///< a consumer read a frame before its producer had finished
    told_early,  ///< a consumer was told that a frame is there before it was
    requeued,    ///< a buffer was queued again while somebody still read it
    pool_empty,  ///< a producer had nothing to write into
    fences,      ///< how many frames had a fence, and who waited
    lost,        ///< the trace has gaps
    trouble,     ///< something could not be seen
};
[[nodiscard]] std::string_view name(Verdict verdict);

/// An answer in words, and the numbers behind it.
struct Finding {
    Verdict verdict = Verdict::trouble;
    std::string text;                   ///< one sentence
    std::string queue;                  ///< "video1 CAPTURE"; empty: of the whole trace
    std::string who;                    ///< the consumer or holder
    std::vector<std::uint64_t> frames;  ///< their numbers in the queue
    double milliseconds = 0;            ///< the worst of them

    [[nodiscard]] bool wrong() const { return verdict <= Verdict::requeued; }
};

/// What can be said about a trace. Says only what was observed: a frame without vb2_buf_done has
/// no early reader, a fence that was not seen to start is nobody's.
/// @param drought shortest time without a buffer that is worth a word, ns
[[nodiscard]] std::vector<Finding> find(const Model& model, Time drought = 20'000'000);

/// "1-3, 7, 12-14": for sentences. Not more than a dozen ranges are named.
[[nodiscard]] std::string list_frames(const std::vector<std::uint64_t>& frames);

}  // namespace relfence::trace
