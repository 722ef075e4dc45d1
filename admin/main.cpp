// SPDX-License-Identifier: Apache-2.0
// The docker-control command: what an administrator does outside the two services. Runs with the
// rights of its user, talks to no process. Exit status: 0, 1 for a failure, 2 for wrong usage.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>
#include "admin/audit_command.hpp"
#include "admin/key.hpp"
#include "admin/policy_command.hpp"
#include "admin/state_files.hpp"
#include "admin/status.hpp"
#include "admin/token.hpp"
#include "common/jwt.hpp"

namespace dc::admin {
namespace {

constexpr std::size_t kKeyBytes = 32;      // 256 bits, as HS256 wants
constexpr std::size_t kTokenIdBytes = 12;  // 16 characters

struct TokenOptions {
  std::string service, lifetime = "1h", key_file, kid, scope, issuer;
  std::vector<std::string> audience;
};
struct KeygenOptions {
  std::string file, algorithm = "HS256";
};

int report(const Error& error) {
  (void)std::fprintf(stderr, "docker-control: %s\n", error.detail.c_str());
  return 1;
}

int print_line(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0) {
    return 0;
  }
  return report({Errc::internal, "cannot write to standard output", {}});
}

int run_token(const TokenOptions& options) {
  const auto key = read_key(options.key_file);
  if (!key) return report(key.error());
  const auto token_id = make_random(kTokenIdBytes);
  if (!token_id) return report(token_id.error());

  // The options hold: their checks ran while the command line was parsed.
  TokenRequest request{*ServiceName::parse(options.service),
                       *parse_lifetime(options.lifetime),
                       {},
                       parse_scope_list(options.scope),
                       options.issuer,
                       options.audience};
  if (!options.kid.empty()) request.kid = options.kid;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto token = make_token(request, *key, now.count(), token_id->view());
  if (token.empty()) return report({Errc::internal, "cannot sign the token", {}});
  return print_line(token);
}

int run_keygen(const KeygenOptions& options) {
  const auto algorithm = *jwt::parse_algorithm(options.algorithm);
  if (algorithm == jwt::Algorithm::hs256) {
    const auto key = make_random(kKeyBytes);
    if (!key) return report(key.error());
    if (options.file.empty()) return print_line(key->view());
    const auto written = write_key(options.file, key->view(), 0400);
    return written ? 0 : report(written.error());
  }
  if (options.file.empty()) {
    return report({Errc::invalid_request, "a key of two halves needs --out FILE", {}});
  }
  const auto pair = make_key_pair(algorithm);
  if (!pair) return report(pair.error());
  auto written = write_key(options.file, pair->private_pem.view(), 0400);
  // The public half is no secret, and the broker's user has to read it.
  if (written) written = write_key(options.file + ".pub", pair->public_pem, 0644);
  return written ? 0 : report(written.error());
}

std::string not_empty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

void add_token_options(CLI::App& command, TokenOptions& options) {
  command.add_option("--service", options.service, "who the token is for: names a policy profile")
      ->type_name("NAME")
      ->required()
      ->check([](const std::string& text) {
        return std::string(ServiceName::parse(text) ? "" : ServiceNameRule::kExpected);
      });
  command.add_option("--ttl", options.lifetime, "lifetime: 30s, 15m, 1h (the default), 7d")
      ->type_name("TIME")
      ->check([](const std::string& text) {
        return std::string(parse_lifetime(text) ? ""
                                                : "must be like 30s, 15m, 1h or 7d, at most 365d");
      });
  command
      .add_option("--key", options.key_file, "file with the key, else DOCKER_CONTROL_JWT_SECRET")
      ->type_name("FILE")
      ->check(not_empty);
  command.add_option("--kid", options.kid, "id of the key, written into the header")
      ->type_name("ID")
      ->check([](const std::string& text) {
        return std::string(jwt::is_key_id(text) ? "" : "must be 1 to 64 of A-Z a-z 0-9 . _ -");
      });
  command.add_option("--issuer", options.issuer, "who makes the token (iss)")
      ->type_name("TEXT")
      ->check(not_empty);
  command.add_option("--audience", options.audience, "for whom it is (aud); may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->check(not_empty);
  command.add_option("--scope", options.scope, "narrow the profile to these scopes")
      ->type_name("\"NAME ...\"")
      ->check([](const std::string& text) {
        return std::string(
            parse_scope_list(text) ? "" : "must be scopes such as \"containers:read images:pull\"");
      });
}

void add_keygen_options(CLI::App& command, KeygenOptions& options) {
  command.add_option("--out", options.file, "new file (mode 0400) instead of standard output")
      ->type_name("FILE")
      ->check(not_empty);
  command
      .add_option("--algorithm", options.algorithm,
                  "HS256 (the default), ES256, EdDSA or RS256; for these three the public half "
                  "goes to FILE.pub")
      ->type_name("NAME")
      ->check([](const std::string& text) {
        return std::string(jwt::parse_algorithm(text) ? ""
                                                      : "must be HS256, ES256, EdDSA or RS256");
      });
}

int run(int argc, char** argv) {
  CLI::App app("Administers docker-control", "docker-control");
  app.set_version_flag("--version", "docker-control " DC_VERSION);
  app.require_subcommand(1);

  TokenOptions token_options;
  CLI::App* const token = app.add_subcommand("token", "Print a signed token");
  add_token_options(*token, token_options);

  KeygenOptions keygen_options;
  CLI::App* const keygen = app.add_subcommand("keygen", "Make a new token key");
  add_keygen_options(*keygen, keygen_options);

  const AuditCommand audit(app);
  const PolicyCommand policy(app);

  std::string state_dir = kStateDir;
  bool json = false;
  CLI::App* const status = app.add_subcommand("status", "Show whether the service is well");
  status->add_flag("--json", json, "for programs");
  status->add_option("--state-dir", state_dir, "the service's state_dir")->type_name("DIR");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (status->parsed()) return print_status(state_dir, json);
  if (audit.parsed()) return audit.run();
  if (policy.parsed()) return policy.run();
  return token->parsed() ? run_token(token_options) : run_keygen(keygen_options);
}

}  // namespace
}  // namespace dc::admin

int main(int argc, char** argv) {
  try {
    return dc::admin::run(argc, argv);
  } catch (const std::exception& error) {
    return dc::admin::report({dc::Errc::internal, error.what(), {}});
  }
}
