// SPDX-License-Identifier: Apache-2.0
// daemon/normalize_images: every field of every request about images, good and bad.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/normalize.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

using Query = std::vector<QueryParameter>;
using Build = Result<Command> (*)(const RequestParts&);

const std::string kDigest = "sha256:" + std::string(64, 'a');

template <class X>
X good(Build build, const Query& query, const std::string& body = "", std::string_view id = "") {
  CAPTURE(body);
  auto command = build({id, query, body});
  REQUIRE_MESSAGE(command, command.error().detail);
  return std::get<X>(std::move(*command));
}

std::string bad(Build build, const Query& query, const std::string& body = "",
                std::string_view id = "") {
  CAPTURE(body);
  const auto command = build({id, query, body});
  REQUIRE_FALSE(command);
  CHECK(command.error().code == Errc::invalid_request);
  return command.error().detail;
}

PullImage pulled(const std::string& body) { return good<PullImage>(build_pull, {}, body); }
std::string not_pulled(const std::string& body) { return bad(build_pull, {}, body); }

}  // namespace

TEST_CASE("pull: both spellings of the image") {
  const auto image = [](const std::string& body) { return pulled(body).image.str(); };
  CHECK(image(R"({"name":"alpine"})") == "docker.io/library/alpine:latest");
  CHECK(image(R"({"name":"ghcr.io/a/b:1"})") == "ghcr.io/a/b:1");
  CHECK(image(R"({"name":"alpine@)" + kDigest + "\"}") == "docker.io/library/alpine@" + kDigest);
  CHECK(image(R"({"image_name":"alpine","image_tag":"3"})") == "docker.io/library/alpine:3");
  CHECK(image(R"({"image_name":"localhost:5000/x"})") == "localhost:5000/x:latest");
  CHECK(image(R"({"image_name":"alpine:3","image_tag":null,"name":null})") ==
        "docker.io/library/alpine:3");
  CHECK(not_pulled("{}") == R"(Field "image_name" is required)");
  CHECK(not_pulled("").starts_with("Body is empty"));
  CHECK(not_pulled(R"({"name":"a","image_name":"a"})") ==
        R"(Field "name" and "image_name" exclude each other)");
  CHECK(not_pulled(R"({"name":"alpine","image_tag":"3"})").find("image_tag") != std::string::npos);
  CHECK(not_pulled(R"({"image_name":"alpine:3","image_tag":"3"})").find("must not carry a tag") !=
        std::string::npos);
  // An empty tag would pull them all.
  for (const char* tag : {"", "a/b", "sha256:x", ":", "-a", "3 "}) {
    CAPTURE(tag);
    CHECK(not_pulled(R"({"image_name":"alpine","image_tag":")" + std::string(tag) + "\"}")
              .starts_with(R"(Field "image_name" must have a tag)"));
  }
  for (const char* name : {"", "sha256:x", "a b", "http://ghcr.io/x", "../x", "A", "x@y"}) {
    CAPTURE(name);
    CHECK(not_pulled(R"({"name":")" + std::string(name) + "\"}").starts_with(R"(Field "name" )"));
  }
  CHECK(not_pulled(R"({"name":1})") == R"(Field "name" must be a string)");
  for (const char* field : {"fromSrc", "repo", "changes", "platform", "pull_id", "tag"}) {
    CHECK(not_pulled(R"({"name":"alpine",")" + std::string(field) + R"(":"x"})") ==
          "Unknown field \"" + std::string(field) + "\"");
  }
  CHECK(bad(build_pull, {{"fromSrc", "x"}}, R"({"name":"alpine"})") ==
        R"(Unknown parameter "fromSrc")");
}

TEST_CASE("pull: registry_auth") {
  const auto body = [](const std::string& login) {
    return R"({"name":"alpine","registry_auth":)" + login + "}";
  };
  const auto pull =
      pulled(body(R"({"username":"joe","password":"s3cret","serveraddress":"docker.io"})"));
  REQUIRE(pull.login);
  CHECK(pull.login->username.view() == "joe");
  CHECK(pull.login->password.view() == "s3cret");
  CHECK(pull.login->server->view() == "docker.io");
  CHECK_FALSE(pulled(body(R"({"username":"joe","password":"x","serveraddress":null})"))
                  .login->server.has_value());
  CHECK_FALSE(pulled(body("null")).login);
  CHECK_FALSE(pulled(body("{}")).login);
  for (const char* login : {"\"x\"", "[]", "1", "true"}) {
    CHECK(not_pulled(body(login)) == R"(Field "registry_auth" must be an object)");
  }
  for (const char* login :
       {R"({"username":"joe"})", R"({"password":"x"})", R"({"serveraddress":"docker.io"})"}) {
    CHECK(not_pulled(body(login)) == R"(Field "registry_auth" must have username and password)");
  }
  CHECK(not_pulled(body(R"({"username":"joe","password":"x","identitytoken":"y"})")) ==
        R"(Unknown field "identitytoken")");
  CHECK(not_pulled(body(R"({"username":"joe","password":""})")).starts_with(R"(Field "password")"));
  CHECK(not_pulled(body(R"({"username":"joe","password":"a\nb"})"))
            .starts_with(R"(Field "password")"));
  CHECK(not_pulled(body(R"({"username":"joe","password":")" +
                        std::string(limits::kPassword + 1, 'x') + "\"}"))
            .starts_with(R"(Field "password")"));
  CHECK(not_pulled(body(R"({"username":1,"password":"x"})")) ==
        R"(Field "username" must be a string)");
}

TEST_CASE("pull: start, progress, events") {
  const auto pull = good<PullImage>(build_pull_start, {},
                                    R"({"image_name":"alpine","image_tag":"3","pull_id":"p-1"})");
  CHECK(pull.id->view() == "p-1");
  CHECK(pull.image.str() == "docker.io/library/alpine:3");
  CHECK(bad(build_pull_start, {}, R"({"image_name":"alpine"})") ==
        R"(Field "pull_id" is required)");
  for (const char* id : {"", "a/b", "a b", "a\\n", "\\u00e9"}) {
    CAPTURE(id);
    CHECK(
        bad(build_pull_start, {}, R"({"image_name":"alpine","pull_id":")" + std::string(id) + "\"}")
            .starts_with(R"(Field "pull_id" must be)"));
  }
  CHECK(bad(build_pull_start, {},
            R"({"image_name":"alpine","pull_id":")" + std::string(65, 'a') + "\"}")
            .starts_with(R"(Field "pull_id" must be)"));
  const auto read = good<ReadPull>(build_pull_progress, {}, "", "p-1");
  CHECK((read.id.view() == "p-1" && !read.follow));
  CHECK(good<ReadPull>(build_pull_events, {}, "", "p-1").follow);
  CHECK(bad(build_pull_progress, {}, "", "a/b").starts_with("Pull id must be"));
}

TEST_CASE("exists and remove: name and tag of the path or of the query") {
  for (const std::string id : {"alpine:3", "docker.io/library/alpine:3", "library/alpine:3"}) {
    CHECK(good<FindImage>(build_find_image, {}, "", id).image.str() ==
          "docker.io/library/alpine:3");
    CHECK(good<RemoveImage>(build_remove_image, {}, "", id).image.str() ==
          "docker.io/library/alpine:3");
  }
  CHECK(good<FindImage>(build_find_image, {}, "", "localhost:5000/a/b").image.str() ==
        "localhost:5000/a/b:latest");
  CHECK(good<FindImage>(build_find_image, {{"name", "alpine"}}).image.tag() == "latest");
  CHECK(good<FindImage>(build_find_image, {{"name", "alpine"}, {"tag", "3"}}).image.tag() == "3");
  CHECK(good<RemoveImage>(build_remove_image, {{"name", "alpine:3"}}).image.tag() == "3");
  CHECK(bad(build_find_image, {}) == R"(Parameter "name" is missing)");
  CHECK(bad(build_find_image, {{"name", "alpine:3"}, {"tag", "3"}})
            .starts_with(R"(Parameter "name" must not carry a tag)"));
  CHECK(bad(build_find_image, {{"name", "alpine"}, {"tag", ""}})
            .starts_with(R"(Parameter "name" must have a tag)"));
  CHECK(bad(build_find_image, {{"tag", "3"}}, "", "alpine")
            .starts_with(R"(Parameter "tag" is not for an image)"));
  for (const std::string& id :
       {kDigest, std::string(64, 'a'), std::string("a//b"), std::string("..")}) {
    CAPTURE(id);
    CHECK(bad(build_remove_image, {}, "", id).starts_with("Image reference must"));
    CHECK(bad(build_remove_image, {{"name", id}}).starts_with(R"(Parameter "name" must)"));
  }
  CHECK_FALSE(good<RemoveImage>(build_remove_image, {{"name", "alpine"}}).force);
  CHECK(good<RemoveImage>(build_remove_image, {{"name", "alpine"}, {"force", "true"}}).force);
  CHECK(good<RemoveImage>(build_remove_image, {{"force", "1"}}, "", "alpine").force);
  CHECK(bad(build_remove_image, {{"name", "alpine"}, {"force", "x"}}) ==
        R"(Parameter "force" must be true or false)");
  CHECK(bad(build_remove_image, {{"name", "alpine"}, {"noprune", "1"}}) ==
        R"(Unknown parameter "noprune")");
}

TEST_CASE("list: a name without a tag is all of its repository") {
  const auto named = [](const std::string& name) {
    return good<ListImages>(build_list_images, {{"name", name}});
  };
  CHECK_FALSE(good<ListImages>(build_list_images, {}).image);
  CHECK(named("alpine").any_tag);
  CHECK(named("localhost:5000/a").any_tag);
  CHECK_FALSE(named("alpine:3").any_tag);
  CHECK_FALSE(named("localhost:5000/a:3").any_tag);
  CHECK_FALSE(named("alpine@" + kDigest).any_tag);
  CHECK(named("alpine:3").image->str() == "docker.io/library/alpine:3");
  CHECK(bad(build_list_images, {{"name", ""}}).starts_with(R"(Parameter "name" must)"));
}
