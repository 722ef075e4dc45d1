// SPDX-License-Identifier: Apache-2.0
#include "common/secret.hpp"
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <type_traits>

namespace {

using dc::Secret;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

// The flags that the kernel shows for the mapping at `address`.
std::string mapping_flags(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::ostringstream start;
  start << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.rfind(start.str(), 0) == 0) ours = true;
    if (ours && line.rfind("VmFlags:", 0) == 0) return line + ' ';
  }
  return {};
}

}  // namespace

TEST_CASE("a secret holds its bytes until it is wiped") {
  Secret secret("correct horse");
  CHECK(secret.view() == "correct horse");
  secret.wipe();
  CHECK(secret.empty());
  CHECK(secret.data() == nullptr);
  secret.wipe();
  CHECK(Secret(std::string_view{}).empty());
  CHECK(Secret(std::size_t{0}).empty());
}

TEST_CASE("a secret moves and leaves nothing behind") {
  Secret first("one");
  Secret second(std::move(first));
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that is the question
  Secret third("three");
  third = std::move(second);
  CHECK(third.view() == "one");
  CHECK(second.empty());  // NOLINT(bugprone-use-after-move)
  auto& same = third;
  third = std::move(same);
  CHECK(third.view() == "one");
}

TEST_CASE("a buffer of capacity begins zeroed and never grows") {
  Secret buffer(std::size_t{100});
  CHECK(buffer.view() == std::string(100, '\0'));
  buffer.resize(10);
  CHECK(buffer.view().size() == 10);
  buffer.resize(1000);
  CHECK(buffer.view().size() == 100);
}

TEST_CASE("J38 a secret's pages stay out of core dumps and swap") {
  const Secret secret("not for others");
  const std::string flags = mapping_flags(secret.view().data());
  CHECK(flags.find(" dd ") != std::string::npos);  // MADV_DONTDUMP
  CHECK(flags.find(" wf ") != std::string::npos);  // MADV_WIPEONFORK
#ifndef __SANITIZE_ADDRESS__                       // which makes mlock do nothing
  CHECK(flags.find(" lo ") != std::string::npos);
#endif
}

TEST_CASE("J38 a forked child sees zeroes") {
  const Secret secret("not for children");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(secret.view() == std::string(secret.view().size(), '\0') ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(secret.view() == "not for children");
}
