// SPDX-License-Identifier: Apache-2.0
// daemon/explain, and with it the way from a body to a verdict: every row of
// tests/vectors/run_policy.json.
#include "daemon/explain.hpp"
#include <doctest/doctest.h>
#include <simdjson.h>
#include <map>
#include "common/json_reader.hpp"
#include "policy/load.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

struct Vector {
  std::string name, profile, request, expect, rule, wanted;
};

struct Vectors {
  std::map<std::string, std::string> profiles;  // TOML
  std::vector<Vector> rows;
};

Vectors read_vectors() {
  namespace dom = simdjson::dom;
  dom::parser parser;
  dom::element file;
  REQUIRE(parser.load(SOURCE_ROOT "/tests/vectors/run_policy.json").get(file) == simdjson::SUCCESS);
  Vectors vectors;
  dom::object profiles;
  REQUIRE(file["profiles"].get(profiles) == simdjson::SUCCESS);
  for (const auto profile : profiles) {
    std::string& toml = vectors.profiles[std::string(profile.key)];
    toml = "[service.tester]\n";
    dom::array lines;
    REQUIRE(profile.value.get(lines) == simdjson::SUCCESS);
    for (const dom::element line : lines)
      toml += std::string(line.get_string().value_unsafe()) + "\n";
  }
  dom::array rows;
  REQUIRE(file["vectors"].get(rows) == simdjson::SUCCESS);
  for (const dom::element row : rows) {
    const auto text = [&](const char* key) {
      std::string_view value;
      return row[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
    };
    dom::element request;
    REQUIRE(row["request"].get(request) == simdjson::SUCCESS);
    vectors.rows.push_back({text("name"), text("profile"), simdjson::minify(request),
                            text("expect"), text("rule"), text("wanted")});
  }
  return vectors;
}

policy::Snapshot loaded(const std::string& toml) {
  auto file = policy::load(toml);
  for (const auto& problem : file.problems) FAIL_CHECK(to_string(problem, "vectors"));
  return std::make_shared<const policy::Policy>(std::move(file.policy));
}

Principal tester(const policy::Snapshot& policy) {
  auto service = test::parsed<ServiceName>("tester");
  const auto* profile = policy->find("tester");
  return {std::move(service), profile == nullptr ? Scopes{} : profile->scopes};
}

Explanation told(const Question& question, const std::string& toml) {
  const auto policy = loaded(toml);
  auto explanation = explain(question, tester(policy), policy);
  REQUIRE(explanation.has_value());
  return std::move(*explanation);
}

const std::string kToml =
    "[service.tester]\nscopes = [\"containers:*\", \"images:*\", \"networks:*\"]\n"
    "images = [\"alpine:\"]\nnetworks = [\"bridge\"]\nreserved_names = [\"db\"]\n";

std::string verdict(Question question) {
  const auto explanation = told(question, kToml);
  return explanation.refusal ? std::string(errc_name(explanation.refusal->code)) : "allowed";
}

}  // namespace

TEST_CASE("every request of run_policy.json gets its verdict") {
  const auto vectors = read_vectors();
  REQUIRE(vectors.rows.size() > 200);
  for (const Vector& row : vectors.rows) {
    CAPTURE(row.name);
    const std::string& toml = vectors.profiles.at(row.profile);
    const auto explanation = told({"containers.run", {}, {}, row.request}, toml);
    const Error refusal = explanation.refusal.value_or(Error{});
    const std::string code = explanation.refusal ? std::string(errc_name(refusal.code)) : "allowed";
    CHECK_MESSAGE(code == row.expect, refusal.detail);
    CHECK(refusal.rule == row.rule);
    CHECK(refusal.wanted == row.wanted);
  }
}

TEST_CASE("an allowed request is shown as it would be run, secrets masked") {
  const auto explanation =
      told({"containers.run", {}, {}, R"({"image":"alpine","environment":{"A":"s3cret"}})"}, kToml);
  const JsonText request(explanation.request);
  CHECK(json_text(request.view(), "network") == "bridge");
  CHECK(json_integer(json_member(request.view(), "memory")) == std::int64_t{4} << 30);
  CHECK(json_text(json_member(request.view(), "log_config"), "driver") == "json-file");
  CHECK(explanation.request.find("s3cret") == std::string::npos);
  CHECK(explanation.capabilities.find("\"CHOWN\"") != std::string::npos);
}

TEST_CASE("operations other than run take the path and the query") {
  CHECK(verdict({"containers.stop", "web", {}, "{\"timeout\":5}"}) == "allowed");
  CHECK(verdict({"containers.stop", "web", {}, "{\"timeout\":-5}"}) == "invalid_request");
  CHECK(verdict({"containers.stop", "", {}, ""}) == "invalid_request");
  CHECK(verdict({"containers.rename", "web", {{"new_name", "shop"}}, ""}) == "allowed");
  CHECK(verdict({"containers.rename", "web", {{"new_name", "db"}}, ""}) == "field_not_allowed");
  CHECK(verdict({"containers.list", "", {}, R"({"all":true,"filters":{"name":["a"]}})"}) ==
        "allowed");
  CHECK(verdict({"containers.logs", "web", {}, "{\"tail\":5}"}) == "allowed");
  CHECK(verdict({"images.exists", "alpine:3", {}, ""}) == "allowed");
  CHECK(verdict({"images.exists", "", {{"name", "evil/x"}, {"tag", "1"}}, ""}) ==
        "image_not_allowed");
  CHECK(verdict({"images.pull", "", {}, R"({"name":"evil/x"})"}) == "image_not_allowed");
  CHECK(verdict({"networks.create", "", {}, R"({"name":"other"})"}) == "network_not_allowed");
  CHECK(verdict({"service.logs", "", {}, ""}) == "scope_denied");
}

TEST_CASE("a question is read strictly") {
  const auto question = read_question(
      R"({"operation":"containers.stop","path":"web","query":{"a":1},"request":{"timeout":5}})");
  REQUIRE(question.has_value());
  CHECK(question->operation == "containers.stop");
  CHECK(question->id == "web");
  REQUIRE(question->query.size() == 1);
  CHECK(question->query[0].value == "1");
  CHECK(question->body == "{\"timeout\":5}");
  for (const char* body :
       {"", "[]", "{}", R"({"operation":1})", R"({"operation":""})",
        R"({"operation":"x","request":"y"})", R"({"operation":"x","query":[]})",
        R"({"operation":"x","more":1})", R"({"operation":"x","operation":"y"})"}) {
    CAPTURE(body);
    CHECK_FALSE(read_question(body).has_value());
  }
  const auto policy = loaded(kToml);
  const auto unknown = explain({"containers.exec", {}, {}, {}}, tester(policy), policy);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().hint.find("containers.run") != std::string::npos);
}

TEST_CASE("the answer as JSON") {
  const auto refused = to_json(told({"containers.run", {}, {}, R"({"image":"evil/x"})"}, kToml));
  const JsonText text(refused);
  CHECK(json_text(text.view(), "verdict") == "refused");
  CHECK(json_text(text.view(), "code") == "image_not_allowed");
  CHECK(json_text(text.view(), "rule") == "images");
  CHECK(json_text(text.view(), "wanted") == "\"docker.io/evil/x:\"");
  const auto noted = to_json(
      told({"containers.run", {}, {}, R"({"image":"evil/x"})"}, kToml + "mode = \"audit\"\n"));
  CHECK(noted.find("\"verdict\":\"allowed\"") != std::string::npos);
  CHECK(noted.find("\"would_refuse\":[{\"code\":\"image_not_allowed\"") != std::string::npos);
}
