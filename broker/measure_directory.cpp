// SPDX-License-Identifier: Apache-2.0
// du in a container, by a fixed argument list and without a shell. Broker only; path and output are
// hostile. The Engine cannot end what it has begun, so the container's place is kept until du has
// ended, answered or not.
#include <memory>
#include <optional>
#include "broker/find_container.hpp"
#include "common/log_frames.hpp"

namespace dc::broker {
namespace {

struct Measurement {
  policy::Allowed<MeasureDirectory> allowed;
  ReplyPtr reply;
  Context& context;
  ContainerId container;
  Slots::Slot place, share;  // of the container and of the service
  std::uint64_t deadline;    // by uv_now()
  bool in_kib = false;       // the second run
  std::optional<ExecId> exec;
  LogFrames frames;
  std::string output;
  std::unique_ptr<uv::Timer> timer;
};
using MeasurementPtr = std::shared_ptr<Measurement>;
using Step = void (*)(const MeasurementPtr&, Result<EngineResponse>);

bool in_time(const Measurement& at) { return uv_now(at.context.loop) < at.deadline; }

void send(const MeasurementPtr& at, EngineRequest request, Step step) {
  const std::uint64_t now = uv_now(at->context.loop);
  if (in_time(*at)) request.deadline = std::chrono::milliseconds(at->deadline - now);
  at->context.engine.send(std::move(request), [at, step](Result<EngineResponse> response) {
    step(at, std::move(response));
  });
}

void created(const MeasurementPtr& at, Result<EngineResponse> response);

// In bytes; where du knows no -b, as old BusyBox does, again in KiB.
void run_du(const MeasurementPtr& at) {
  const auto& path = at->allowed.command().path;
  send(at, request::create_du(at->container, at->in_kib ? "-sk" : "-sb", path), created);
}

void ended(const MeasurementPtr& at, std::int64_t exit_code) {
  // Where the output was cut off, the Engine says 126 too.
  const bool whole = at->output.size() <= limits::kMeasureOutput;
  if (whole && (exit_code == 126 || exit_code == 127)) {
    return at->reply->fail({Errc::conflict, "The container has no du that can be run", {}});
  }
  std::string first = at->output.substr(0, at->output.find_first_of("\t \n"));
  if (at->in_kib) first += 'k';
  const auto size = parse_size(first);
  // Once it is late, the answer was given: nothing more is begun.
  if (size || at->in_kib || !in_time(*at)) {
    return send_bytes(at->reply, std::to_string(size.value_or(0)));
  }
  at->in_kib = true;
  at->output.clear();
  at->frames = {};
  run_du(at);
}

void looked(const MeasurementPtr& at, Result<EngineResponse> response);

// However the reading ended, what counts is how du did, and that it did in time.
void look(const MeasurementPtr& at, Result<EngineResponse>) {
  if (!in_time(*at)) {
    at->reply->fail({Errc::deadline_exceeded, "The directory could not be measured in time",
                     "ask for a smaller one, or with a longer timeout"});
  }
  send(at, request::inspect_exec(*at->exec), looked);
}

void looked(const MeasurementPtr& at, Result<EngineResponse> response) {
  if (response && response->status == 404) {
    return at->reply->fail(engine_error(EngineStep::find, *response));
  }
  const JsonText document(response ? std::move(response->body) : std::string());
  if (json_member(document.view(), "Running") == "false") {
    const auto exit_code = json_integer(json_member(document.view(), "ExitCode"));
    if (exit_code) return ended(at, *exit_code);
    return at->reply->fail({Errc::conflict, "The container is not running", {}});
  }
  const auto patience = static_cast<std::uint64_t>(limits::kMeasurePatience.count());
  if (uv_now(at->context.loop) > at->deadline + patience) return;
  at->timer = std::make_unique<uv::Timer>(at->context.loop);
  at->timer->start(limits::kMeasurePoll, [at] {
    at->timer.reset();
    look(at, {});
  });
}

void created(const MeasurementPtr& at, Result<EngineResponse> response) {
  const auto document = read_document(std::move(response), EngineStep::find, 201);
  if (!document) return at->reply->fail(document.error());
  auto id = ExecId::parse(json_text(document->view(), "Id"));
  if (!id) return at->reply->fail({Errc::engine_failure, "The Docker Engine gave no id", {}});
  at->exec = std::move(*id);
  EngineRequest start = request::start_exec(*at->exec);
  start.on_data = [at](std::string_view bytes) {
    return at->frames.take(bytes, [&at](bool, std::string_view data) { at->output += data; }) &&
           at->output.size() <= limits::kMeasureOutput;
  };
  send(at, std::move(start), look);
}

}  // namespace

void execute(const policy::Allowed<MeasureDirectory>& allowed, const ReplyPtr& reply,
             Context& context) {
  const auto measure = [allowed, reply, &context](const InspectedPtr& container) {
    const ContainerId& id = container->view.id;
    if (container->view.status != "running") {
      return reply->fail({Errc::conflict, "The container is not running", {}});
    }
    auto place = context.measurements.take(id.view(), false);
    auto share = context.measuring_services.take(allowed.service().view(), false);
    if (!place || !share) {
      return reply->fail({Errc::overloaded, "Too many directories are being measured",
                          "one at a time in a container, 2 of a service, and 4 in all"});
    }
    const std::uint64_t deadline = uv_now(context.loop) + allowed.command().timeout;
    run_du(std::make_shared<Measurement>(
        Measurement{allowed, reply, context, id, std::move(place), std::move(share), deadline}));
  };
  find_container(allowed, Right::manage, reply, context, measure);
}

}  // namespace dc::broker
