// SPDX-License-Identifier: Apache-2.0
// One HTTP answer out of frames. Front; trusts the broker for content, not for sizes and order.
#include "daemon/reply.hpp"
#include <spdlog/spdlog.h>
#include "common/limits.hpp"
#include "daemon/render.hpp"

namespace dc::daemon {
namespace {

// Up to here an answer is sent whole, with its length; above it is streamed.
constexpr std::size_t kWhole = 64 * 1024;
}  // namespace

const Error kBrokenAnswer{Errc::engine_failure, "The answer of Docker could not be used", ""};

void respond_error(Exchange& exchange, const Error& error, std::vector<Header> headers) {
  HttpResponse response = error_response(error);
  for (Header& header : headers) response.headers.push_back(std::move(header));
  exchange.respond(std::move(response));
}

Reply::Reply(AnswerParts parts)
    : exchange_(std::move(parts.exchange)),
      route_(parts.route),
      shape_(parts.route.shape),
      message_(std::move(parts.message)),
      headers_(std::move(parts.headers)),
      credit_(std::move(parts.credit)) {}

void Reply::part(ToFront message) {
  ++owed_;
  if (exchange_) {
    bool taken = false;
    if (auto* document = std::get_if<ContainerDocument>(&message)) {
      taken = take_document(std::move(*document));
    } else if (const auto* chunk = std::get_if<Chunk>(&message)) {
      taken = take_chunk(chunk->data.bytes);
    } else if (const auto* opened = std::get_if<StreamOpened>(&message)) {
      taken = shape_ == Shape::service_log;
      file_ = opened->file.view();
    }
    if (!taken) {
      spdlog::error("reply unusable shape={}", static_cast<int>(shape_));
      fail_with(kBrokenAnswer);
    }
  }
  if (!stalled_ && owed_ >= kCreditBatch) return_credit();
}

bool Reply::take_document(ContainerDocument document) {
  if (document_ || (shape_ != Shape::list && shape_ != Shape::container)) return false;
  if (document.size > limits::kInspectBody || document.data.bytes.size() > document.size) {
    return false;
  }
  json_ = std::move(document.data.bytes);
  json_.reserve(document.size + JsonText::kPadding);
  document_ = std::move(document);
  return json_.size() < document_->size || complete_document();
}

bool Reply::take_chunk(const std::string& bytes) {
  if (shape_ != Shape::list && shape_ != Shape::container) {
    if (bytes_.size() + bytes.size() > limits::kEngineBody) return false;
    bytes_ += bytes;
    return true;
  }
  if (!document_ || bytes.size() > document_->size - json_.size()) return false;
  json_ += bytes;
  return json_.size() < document_->size || complete_document();
}

bool Reply::complete_document() {
  const ContainerDocument document = std::move(*document_);
  document_.reset();
  ++documents_;
  const JsonText text(std::exchange(json_, {}));
  if (shape_ == Shape::container) {
    if (documents_ > 1) return false;
    auto rendered = render_container(document, text);
    if (!rendered) return false;
    out_ = std::move(*rendered);
    return true;
  }
  out_ += documents_ == 1 ? kListHead : std::string_view(",");
  if (!append_list_item(out_, document, text)) return false;
  if (begun_ || out_.size() > kWhole) write_out();
  return true;
}

void Reply::write_out() {
  if (!begun_) {
    begun_ = true;
    HttpResponse head;
    head.headers = std::move(headers_);
    exchange_->begin(std::move(head));
  }
  const bool flowing = exchange_->write(out_);
  out_.clear();
  if (flowing || stalled_) return;
  stalled_ = true;
  exchange_->on_drained([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    stalled_ = false;
    return_credit();
  });
}

void Reply::return_credit() { credit_(std::exchange(owed_, 0)); }

void Reply::last(ToFront message) {
  if (!exchange_) return;
  if (const auto* failed = std::get_if<Failed>(&message)) {
    return fail_with(failed->error());
  }
  if (const auto* chunk = std::get_if<Chunk>(&message)) {
    return take_chunk(chunk->data.bytes) && !document_ ? finish() : fail_with(kBrokenAnswer);
  }
  if (document_) return fail_with(kBrokenAnswer);
  if (auto* document = std::get_if<ContainerDocument>(&message)) {
    return take_document(std::move(*document)) && !document_ ? finish() : fail_with(kBrokenAnswer);
  }
  if (const auto* started = std::get_if<ContainerStarted>(&message)) {
    if (shape_ != Shape::started || bytes_.size() != started->logs_size) {
      return fail_with(kBrokenAnswer);
    }
    return respond(render_started(*started, bytes_));
  }
  if (!std::holds_alternative<Done>(message) || shape_ == Shape::started) {
    return fail_with(kBrokenAnswer);
  }
  finish();
}

void Reply::finish() {
  switch (shape_) {
    case Shape::container:
      if (documents_ != 1) return fail_with(kBrokenAnswer);
      break;
    case Shape::list:
      if (documents_ == 0) out_ += kListHead;
      out_ += kListTail;
      break;
    default: return finish_value();
  }
  if (!begun_ && out_.size() <= kWhole) return respond(std::move(out_));
  write_out();
  exchange_->end();
  exchange_.reset();
}

void Reply::finish_value() {
  switch (shape_) {
    case Shape::success: return respond(std::string(kSuccessBody));
    case Shape::message: return respond(render_message(message_));
    case Shape::exists: return respond(render_exists(message_, bytes_ == "true"));
    case Shape::service_log: return respond(render_service_log(file_, bytes_));
    default: break;
  }
  if (bytes_.empty()) return fail_with(kBrokenAnswer);
  respond(shape_ == Shape::document ? std::move(bytes_) : render_value(route_.key, bytes_));
}

void Reply::respond(std::string body) {
  HttpResponse response;
  response.headers = std::move(headers_);
  response.body = std::move(body);
  exchange_->respond(std::move(response));
  exchange_.reset();
}

void Reply::fail_with(const Error& error) {
  if (!exchange_) return;
  if (begun_) {
    exchange_->abort();
  } else {
    respond_error(*exchange_, error, std::move(headers_));
  }
  discard();
}

void Reply::discard() {
  exchange_.reset();
  stalled_ = false;
  if (owed_ != 0) return_credit();
}

}  // namespace dc::daemon
