// SPDX-License-Identifier: Apache-2.0
// The front's HTTP layer without what stands behind it: says of each request how it was read, as
// JSON. Listens on a loopback port, which it prints, until its standard input ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include "common/json_text.hpp"
#include "daemon/listener.hpp"

namespace {

using namespace dc;
using namespace dc::daemon;

constexpr std::array<const char*, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                 "PATCH", "DELETE", "OPTIONS"};

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

// A HEAD's answer has no body, so the reading is in a header as well.
void echo(const std::shared_ptr<Exchange>& exchange) {
  exchange->read_body(limits::kBodyRun, [exchange](const std::string& body) {
    const HttpRequest& request = exchange->request();
    std::string text = std::string(R"({"method":")") +
                       kMethods.at(static_cast<std::size_t>(request.method)) + R"(","path":[)";
    for (const std::string& segment : request.path) {
      if (text.back() != '[') text += ',';
      append_json_string(text, segment);
    }
    text += R"(],"query":[)";
    for (const QueryParameter& parameter : request.query) {
      if (text.back() != '[') text += ',';
      text += '[';
      append_json_string(text, parameter.name);
      text += ',';
      append_json_string(text, parameter.value);
      text += ']';
    }
    text += R"(],"body":")" + hex(body) + "\"}";
    HttpResponse response;
    response.headers.push_back({"X-Request", text});
    exchange->respond(std::move(response));
  });
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return 1;
  }
  uv_loop_t* loop = uv_default_loop();
  const Listener listener(loop, std::move(fd), HttpLimits{}, echo);
  uv::Poll input(loop, STDIN_FILENO, [](int) { ::_exit(0); });
  input.watch(UV_READABLE);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
