// SPDX-License-Identifier: Apache-2.0
// From the broker's frames to one HTTP answer: puts documents together, renders them, streams what
// is large and holds back the broker's credit while the client is slow. Front only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "common/messages.hpp"
#include "daemon/http.hpp"
#include "daemon/routes.hpp"

namespace dc::daemon {

// Credit goes back in halves, not frame by frame.
inline constexpr std::uint32_t kCreditBatch = limits::kCredits / 2;

// What became of an answer whose frames make none.
extern const Error kBrokenAnswer;

// Ends an exchange whose answer has not begun. `headers` go with it.
void respond_error(Exchange& exchange, const Error& error, std::vector<Header> headers);

// The HTTP answer that one request's frames become.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void part(ToFront message) = 0;
  virtual void last(ToFront message) = 0;
  // The client is gone: take the rest without writing.
  virtual void discard() = 0;
};

// What an answer is made with.
struct AnswerParts {
  std::shared_ptr<Exchange> exchange;
  const Route& route;
  std::string message;                               // of a success, where the shape has one
  std::vector<Header> headers;                       // go with every answer
  std::function<void(std::uint32_t frames)> credit;  // returns that many frames to the broker
  std::function<void()> cancel;                      // wants no more frames; may destroy the answer
};

// The answer of one JSON document.
class Reply final : public Answer {
 public:
  explicit Reply(AnswerParts parts);

  void part(ToFront message) override;
  void last(ToFront message) override;
  void discard() override;

 private:
  bool take_document(ContainerDocument document);
  bool take_chunk(const std::string& bytes);
  bool complete_document();
  // Ends with an error found on this side; cuts the connection where the answer has begun.
  void fail_with(const Error& error);
  void finish();
  void finish_value();
  void write_out();
  void return_credit();
  void respond(std::string body);

  std::shared_ptr<Exchange> exchange_;  // null once answered or discarded
  const Route& route_;
  const Shape shape_;
  std::string message_;
  std::vector<Header> headers_;
  std::function<void(std::uint32_t)> credit_;

  std::optional<ContainerDocument> document_;  // the one whose bytes are arriving
  std::string json_;                           // those bytes
  std::string out_;    // list: what is rendered and not yet written; container: the answer
  std::string bytes_;  // other shapes: what the chunks held
  std::string file_;   // service_log
  std::size_t documents_ = 0;
  std::uint32_t owed_ = 0;  // frames whose credit has not been returned
  bool begun_ = false;
  bool stalled_ = false;                                   // the client's socket is full
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for callbacks that may outlive us
};

}  // namespace dc::daemon
