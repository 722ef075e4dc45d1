// SPDX-License-Identifier: Apache-2.0
// The parts of the docker-control command.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include "admin/key.hpp"
#include "admin/token.hpp"
#include "tests/unit/tokens.hpp"

namespace {

using namespace dc;
using namespace dc::test;
using admin::parse_lifetime;
using std::chrono::seconds;

class ScratchDir {
 public:
  ScratchDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dc-unit-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string file(const char* name, std::string_view text,
                                 mode_t mode = 0400) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    ::chmod(file(name).c_str(), mode);
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

admin::TokenRequest request_for(std::string_view service) {
  return {*ServiceName::parse(service), seconds(60), std::nullopt, std::nullopt, {}, {}};
}
std::string make_token(const admin::TokenRequest& request, std::string_view id) {
  return admin::make_token(request, *admin::SigningKey::from(Secret(kKey)), kNow, id);
}
bool signs_as(const Result<admin::SigningKey>& key, std::string_view secret) {
  return key && key->sign("message") == dc::hmac_sha256(secret, "message");
}

}  // namespace

TEST_CASE("lifetimes") {
  CHECK(parse_lifetime("30s") == seconds(30));
  CHECK(parse_lifetime("15m") == seconds(900));
  CHECK(parse_lifetime("1h") == seconds(3600));
  CHECK(parse_lifetime("7d") == seconds(7 * 86400));
  CHECK(parse_lifetime("365d") == seconds(365 * 86400));
  for (const char* bad : {"", "0", "0s", "30", "s", "-1s", "+1s", " 1s", "1s ", "1.5h", "1h30m",
                          "1H", "1w", "366d", "8761h", "99999999999999999999s", "none", "0x1s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_lifetime(bad).has_value());
  }
}

TEST_CASE("scope lists") {
  CHECK(admin::parse_scope_list("containers:read")->has(Scope::containers_read));
  CHECK(admin::parse_scope_list(" images:*  containers:run ")->has(Scope::images_remove));
  for (const char* bad : {"", " ", "*", "containers:read bogus", "containers:read,images:pull"}) {
    CHECK_FALSE(admin::parse_scope_list(bad).has_value());
  }
}

TEST_CASE("tokens made here are good ones") {
  auto request = request_for("tt_studio_backend");
  request.scopes = admin::parse_scope_list("images:pull containers:read");
  const auto claims = keys_with().verify(make_token(request, "id-1"), kNow);
  REQUIRE(claims.has_value());
  CHECK(claims->claims.service.view() == "tt_studio_backend");
  CHECK(claims->claims.expires == kNow + 60);
  CHECK(claims->claims.token_id.view() == "id-1");
  CHECK(claims->claims.scopes == request.scopes);

  CHECK_FALSE(keys_with().verify(make_token(request, ""), kNow + 90).has_value());
  CHECK_FALSE(keys_with(kOtherKey).verify(make_token(request, ""), kNow));

  const auto plain = make_token(request_for("a"), "");
  CHECK_FALSE(keys_with().verify(plain, kNow)->claims.scopes.has_value());
}

TEST_CASE("a token with a key id needs that key") {
  auto request = request_for("a");
  request.kid = "2024";
  dc::TokenKeys keys;
  REQUIRE(keys.add(hmac_key(kKey, "2024")).has_value());
  const auto token = make_token(request, "");
  CHECK(keys.verify(token, kNow).has_value());
  CHECK_FALSE(keys_with().verify(token, kNow).has_value());
}

TEST_CASE("keys from files") {
  const ScratchDir dir;
  const std::string key(kKey);
  CHECK(signs_as(admin::read_key(dir.file("plain", key)), key));
  CHECK(signs_as(admin::read_key(dir.file("line", key + "\n")), key));
  CHECK(signs_as(admin::read_key(dir.file("crlf", key + "\r\n")), key));
  CHECK(signs_as(admin::read_key(dir.file("two", key + "\n\n")), key + "\n"));
  CHECK_FALSE(admin::read_key(dir.file("missing")).has_value());
  CHECK_FALSE(admin::read_key(dir.file("empty", "")).has_value());
  CHECK_FALSE(admin::read_key(dir.file("weak", "your-secret-here\n")).has_value());
  std::string longest;
  while (longest.size() < 1024) longest += dc::hmac_sha256(kKey, longest);
  CHECK(signs_as(admin::read_key(dir.file("longest", longest + "\n")), longest));
  CHECK_FALSE(admin::read_key(dir.file("longer", longest + "x")).has_value());
  CHECK_FALSE(admin::read_key(dir.file("huge", std::string(1 << 20, 'k') + longest)).has_value());
  CHECK_FALSE(admin::read_key("/").has_value());
  CHECK_FALSE(admin::read_key("/dev/zero").has_value());
}

TEST_CASE("J27 a key file that every user can read") {
  const ScratchDir dir;
  const auto refused = admin::read_key(dir.file("key", kKey, 0644));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.find("every user") != std::string::npos);
  CHECK(admin::read_key(dir.file("group", kKey, 0440)).has_value());
}

TEST_CASE("the key from the environment") {
  ::unsetenv("DOCKER_CONTROL_JWT_SECRET");
  CHECK_FALSE(admin::read_key("").has_value());
  ::setenv("DOCKER_CONTROL_JWT_SECRET", "your-jwt-secret", 1);
  CHECK_FALSE(admin::read_key("").has_value());
  ::setenv("DOCKER_CONTROL_JWT_SECRET", std::string(kKey).c_str(), 1);
  CHECK(signs_as(admin::read_key(""), kKey));
  ::unsetenv("DOCKER_CONTROL_JWT_SECRET");
}

TEST_CASE("new keys are strong, different, and never overwrite") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto key = admin::make_random(32);
    REQUIRE(key.has_value());
    CHECK(key->view().size() == 43);
    CHECK(dc::check_key_strength(key->view()).has_value());
    seen.emplace(key->view());
  }
  CHECK(seen.size() == 100);

  const ScratchDir dir;
  const std::string file = dir.file("new.key");
  REQUIRE(admin::write_key(file, kKey, 0400).has_value());
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0400);
  CHECK(signs_as(admin::read_key(file), kKey));
  CHECK_FALSE(admin::write_key(file, kOtherKey, 0400).has_value());
  CHECK(signs_as(admin::read_key(file), kKey));
  CHECK_FALSE(admin::write_key(dir.file("no/such/dir"), kKey, 0400).has_value());
}
