// SPDX-License-Identifier: Apache-2.0
// The Exchange that an application holds: a request and a way back to its connection, for as long
// as there is one. Front only. Either may go first.
#pragma once

#include <utility>
#include "daemon/connection.hpp"

namespace dc::daemon {

class Connection::Request final : public Exchange {
 public:
  Request(Connection& connection, HttpRequest request)
      : connection_(&connection), request_(std::move(request)) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() override;

  // The connection has answered or is gone.
  void detach() { connection_ = nullptr; }

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void vouch() override;
  void routed(std::size_t route) override;
  void read_body(std::size_t max, std::function<void(std::string body)> done) override;
  void respond(HttpResponse response) override;
  void begin(HttpResponse head) override;
  bool write(std::string_view data) override;
  void on_drained(std::function<void()> drained) override;
  void end() override;
  void abort() override;
  void may_last() override;
  void on_gone(std::function<void()> gone) override;

 private:
  Connection* connection_;
  const HttpRequest request_;
};

}  // namespace dc::daemon
