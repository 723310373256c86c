// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include <relfence/trace/writers.hpp>

namespace relfence::trace {
namespace {

using Value = nlohmann::ordered_json;

Value since(Time begin, const std::optional<Time>& time) {
    if (!time) return nullptr;
    return static_cast<std::int64_t>(*time - begin);
}

Value of_access(const Model& model, const Access& access) {
    return {{"use", name(access.use)},
            {"by", access.use == Use::device ? access.by : model.process(access.pid)},
            {"asked_ns", since(model.first(), access.asked)},
            {"granted_ns", since(model.first(), access.granted)},
            {"ended_ns", since(model.first(), access.ended)}};
}

Value of_frame(const Model& model, const Frame& frame) {
    const Time begin = model.first();
    Value value{{"frame", frame.number},
                {"buffer", frame.index},
                {"queued_ns", since(begin, frame.queued)},
                {"given_ns", since(begin, frame.given)},
                {"started_ns", since(begin, frame.started)},
                {"signaled_ns", since(begin, frame.signaled)},
                {"done_ns", since(begin, frame.done)},
                {"dequeued_ns", since(begin, frame.dequeued)}};
    value["dma_buf"] = frame.ino == 0 ? Value(nullptr) : Value(frame.ino);
    value["fence"] = nullptr;
    if (frame.fence) {
        value["fence"] = {{"context", frame.fence->context}, {"seqno", frame.fence->seqno}};
        Value waits = Value::array();
        if (const Fence* const fence = model.fence(*frame.fence))
            for (const Wait& wait : fence->waits)
                waits.push_back({{"by", model.process(wait.pid)},
                                 {"begin_ns", since(begin, wait.begin)},
                                 {"end_ns", since(begin, wait.end)}});
        value["fence"]["waits"] = std::move(waits);
    }
    value["uses"] = Value::array();
    for (const Access& access : frame.accesses) value["uses"].push_back(of_access(model, access));
    return value;
}

}  // namespace

std::string to_json(const Model& model, const std::vector<Finding>& findings, const Run& run) {
    Value value{{"relfence", RELFENCE_VERSION},   {"kernel", run.kernel},
                {"command", run.command},         {"duration_ns", model.last() - model.first()},
                {"events", model.events()},       {"lost", model.lost()},
                {"unexplained", model.strange()}, {"fences", model.fences_seen()}};
    if (const Cost& cost = run.cost; cost.followed != 0)
        value["tracer"] = {{"followed_ns", cost.followed},
                           {"awake_ns", cost.awake},
                           {"processor_ns", cost.processor},
                           {"kernel_ns", cost.kernel},
                           {"wakeups", cost.wakeups},
                           {"reads", cost.reads},
                           {"bytes", cost.bytes}};
    value["findings"] = Value::array();
    for (const Finding& finding : findings)
        value["findings"].push_back({{"verdict", name(finding.verdict)},
                                     {"wrong", finding.wrong()},
                                     {"text", finding.text},
                                     {"queue", finding.queue},
                                     {"who", finding.who},
                                     {"frames", finding.frames},
                                     {"ms", finding.milliseconds}});
    value["queues"] = Value::array();
    for (const Queue& queue : model.queues()) {
        Value one{{"name", queue.name(model.devices())},
                  {"device", model.producer(queue)},
                  {"capture", queue.capture()},
                  {"type", queue.type},
                  {"buffers", queue.buffers.size()},
                  {"frames_queued", queue.count},
                  {"fenced", queue.fenced}};
        one["frames"] = Value::array();
        for (const Frame& frame : queue.frames) one["frames"].push_back(of_frame(model, frame));
        value["queues"].push_back(std::move(one));
    }
    return value.dump(1, ' ', false, Value::error_handler_t::replace) + "\n";
}

}  // namespace relfence::trace
