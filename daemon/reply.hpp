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

class Reply {
 public:
  // `headers` go with every answer. `credit` returns that many frames to the broker.
  Reply(std::shared_ptr<Exchange> exchange, Shape shape, std::vector<Header> headers,
        std::function<void(std::uint32_t)> credit);

  void part(ToFront message);
  void last(ToFront message);
  // The answer for a failure found on this side; cuts the connection where the answer has begun.
  void fail_with(const Error& error);
  // The client is gone: take the rest without writing.
  void discard();

 private:
  bool take_document(ContainerDocument document);
  bool take_chunk(const std::string& bytes);
  bool complete_document();
  void finish();
  void write_out();
  void return_credit();
  void respond(std::string body);

  std::shared_ptr<Exchange> exchange_;  // null once answered or discarded
  Shape shape_;
  std::vector<Header> headers_;
  std::function<void(std::uint32_t)> credit_;

  std::optional<ContainerDocument> document_;  // the one whose bytes are arriving
  std::string json_;                           // those bytes
  std::string out_;   // list: what is rendered and not yet written; container: the answer
  std::string logs_;  // started: output of a run that was waited for
  std::size_t documents_ = 0;
  std::uint32_t owed_ = 0;  // frames whose credit has not been returned
  bool begun_ = false;
  bool stalled_ = false;                                   // the client's socket is full
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for callbacks that may outlive us
};

}  // namespace dc::daemon
