// SPDX-License-Identifier: Apache-2.0
// Options and output of the policy's subcommands. Command line only.
#include "admin/policy_command.hpp"
#include <unistd.h>
#include <cstdio>
#include <memory>
#include <optional>
#include "admin/audit_reader.hpp"
#include "admin/policy_diff.hpp"
#include "admin/policy_learn.hpp"
#include "admin/policy_show.hpp"
#include "admin/policy_text.hpp"
#include "admin/terminal.hpp"
#include "admin/token.hpp"
#include "daemon/explain.hpp"
#include "policy/load.hpp"
#include "policy/rules.hpp"

namespace dc::admin {
namespace {

constexpr int kGood = 0, kFound = 1, kTrouble = 2;

int trouble(const std::string& what) {
  (void)std::fprintf(stderr, "docker-control: %s\n", printable(what).c_str());
  return kTrouble;
}

int print(const std::string& text, int status) {
  const bool done = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return done ? status : trouble("cannot write to standard output");
}

// At most `most` bytes of a file, or of standard input for "-". nullopt, and a word on standard
// error: it cannot be read, or is longer.
std::optional<std::string> read_all(const std::string& file, std::size_t most) {
  const auto close = [](std::FILE* stream) {
    if (stream != stdin) (void)std::fclose(stream);
  };
  const std::unique_ptr<std::FILE, decltype(close)> stream(
      file == "-" ? stdin : std::fopen(file.c_str(), "rbe"), close);
  if (!stream) {
    (void)trouble("cannot read " + file);
    return std::nullopt;
  }
  std::string text(most + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) == 0 && text.size() <= most) return text;
  (void)trouble(text.size() > most ? file + " is too long" : "cannot read " + file);
  return std::nullopt;
}

struct PolicyFile {
  std::string text;
  policy::Policy policy;
};

std::string lines_of(const std::vector<policy::Problem>& problems, const std::string& file,
                     const char* kind) {
  std::string text;
  for (const policy::Problem& problem : problems) {
    text += printable(policy::to_string(
                policy::Problem{problem.line, problem.column, kind + problem.message}, file)) +
            "\n";
  }
  return text;
}

// nullopt, and the problems on standard error.
std::optional<PolicyFile> read_policy(const std::string& file) {
  auto text = read_all(file, limits::kPolicyFile);
  if (!text) return std::nullopt;
  auto loaded = policy::load(*text);
  if (loaded.problems.empty()) return PolicyFile{std::move(*text), std::move(loaded.policy)};
  (void)std::fputs(lines_of(loaded.problems, file, "").c_str(), stderr);
  return std::nullopt;
}

void append_refusal(std::string& text, const Error& error) {
  text += "  " + std::string(errc_name(error.code)) + ": " + printable(error.detail) + "\n";
  if (!error.rule.empty()) {
    // An entry of such a list refuses by being there.
    const Setting* const setting = find_setting(error.rule);
    const bool to_go = setting != nullptr && setting->list && setting->more == More::refuses;
    text += "  decided by " + error.rule + ", " + (to_go ? "without" : "which would need") +
            std::string(to_go ? " the entry " : " ") + printable(error.wanted) +
            (to_go ? " it would be allowed\n" : "\n");
  }
  if (!error.hint.empty()) text += "  " + printable(error.hint) + "\n";
}

std::string to_text(const daemon::Explanation& told) {
  std::string text = (told.refusal ? "refused: " : "allowed: ") + told.operation + " of " +
                     printable(told.service) + "\n";
  if (told.refusal) append_refusal(text, *told.refusal);
  for (const Error& error : told.waived) {
    text += "  only noted in this mode, refused in mode enforce:\n";
    append_refusal(text, error);
  }
  if (!told.request.empty()) text += "  request: " + printable_json(told.request) + "\n";
  if (!told.capabilities.empty()) text += "  capabilities: " + told.capabilities + "\n";
  return text;
}

}  // namespace

PolicyCommand::PolicyCommand(CLI::App& app)
    : policy_(app.add_subcommand("policy", "Check, ask, learn and compare policy files")),
      check_(policy_->add_subcommand("check", "Say what is wrong with a file, or dangerous")),
      explain_(policy_->add_subcommand(
          "explain", "Say whether a request, its JSON body on standard input, would be allowed")),
      learn_(policy_->add_subcommand(
          "learn", "Print the smallest policy that would have allowed what was refused")),
      diff_(policy_->add_subcommand("diff", "Say what a new file allows and refuses")),
      show_(policy_->add_subcommand("show", "Print every value and where it comes from")) {
  policy_->require_subcommand(1);
  for (CLI::App* command : {check_, explain_, diff_, show_}) {
    command->add_option("file", file_, "a policy file; - for standard input")
        ->type_name("FILE")
        ->required();
  }
  check_->add_flag("--strict", strict_, "fail for warnings too");
  diff_->add_option("new", other_, "the file that would take its place")
      ->type_name("FILE")
      ->required();
  show_->add_option("--service", service_, "of this service alone")->type_name("NAME");
  add_explain(*explain_);
  add_learn(*learn_);
}

void PolicyCommand::add_explain(CLI::App& explain) {
  explain.add_option("--service", service_, "who asks")->type_name("NAME")->required();
  explain.add_option("--operation", operation_, "such as containers.run")
      ->type_name("NAME")
      ->required();
  explain.add_option("--path", path_, "the container, image or network of the path")
      ->type_name("TEXT");
  explain.add_option("--query", query_, "a parameter of the query; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  explain.add_option("--scope", scope_, "the token's own scope claim")
      ->type_name("\"NAME ...\"")
      ->check([](const std::string& text) {
        return std::string(
            parse_scope_list(text) ? "" : "must be scopes such as \"containers:read images:pull\"");
      });
  explain.add_flag("--json", json_, "for programs; as POST /policy/explain answers");
}

void PolicyCommand::add_learn(CLI::App& learn) {
  learn.add_option("audit", audit_files_, "audit files; - for standard input")->type_name("FILE");
  learn.add_option("--service", service_, "of this service alone")->type_name("NAME");
  learn.add_option("--policy", file_, "print each key that changes as this file has to say it")
      ->type_name("FILE");
}

int PolicyCommand::run() const {
  if (check_->parsed()) return check();
  if (explain_->parsed()) return explain();
  if (learn_->parsed()) return learn();
  return diff_->parsed() ? diff() : show();
}

int PolicyCommand::check() const {
  const auto text = read_all(file_, limits::kPolicyFile);
  if (!text) return kTrouble;
  const auto loaded = policy::load(*text);
  const bool bad = !loaded.problems.empty() || (strict_ && !loaded.warnings.empty());
  std::string out =
      lines_of(loaded.problems, file_, "") + lines_of(loaded.warnings, file_, "warning: ");
  out += printable(file_) + ": " + std::to_string(loaded.problems.size()) + " problems, " +
         std::to_string(loaded.warnings.size()) + " warnings\n";
  return print(out, bad ? kFound : kGood);
}

int PolicyCommand::explain() const {
  const auto service = ServiceName::parse(service_);
  if (!service) return trouble("--service " + service.error().detail);
  auto read = read_policy(file_);
  if (!read) return kTrouble;
  const auto snapshot = std::make_shared<const policy::Policy>(std::move(read->policy));
  daemon::Question question{operation_, path_, {}, {}};
  for (const std::string& parameter : query_) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string::npos) return trouble("--query must be NAME=VALUE");
    question.query.push_back({parameter.substr(0, equals), parameter.substr(equals + 1)});
  }
  if (::isatty(STDIN_FILENO) == 1) {
    (void)std::fputs("docker-control: reading the request's JSON body; end it with Ctrl-D\n",
                     stderr);
  }
  auto body = read_all("-", limits::kBodyRun);
  if (!body) return kTrouble;
  if (body->find_first_not_of(" \t\r\n") != std::string::npos) question.body = std::move(*body);
  Principal caller{*service, {}};
  if (const auto* profile = snapshot->find(service_)) caller.scopes = profile->scopes;
  if (!scope_.empty()) caller.scopes = caller.scopes.narrowed_by(*parse_scope_list(scope_));
  const auto told = daemon::explain(question, caller, snapshot);
  if (!told) return trouble(told.error().detail + "; " + told.error().hint);
  return print(json_ ? printable_json(to_json(*told)) + "\n" : to_text(*told),
               told->refusal ? kFound : kGood);
}

int PolicyCommand::learn() const {
  std::string policy;
  if (!file_.empty()) {
    auto read = read_policy(file_);
    if (!read) return kTrouble;
    policy = std::move(read->text);
  }
  Lessons lessons(service_);
  for (const std::string& file :
       audit_files_.empty() ? std::vector<std::string>{kAuditFile} : audit_files_) {
    auto reader = LineReader::open(file);
    if (!reader) return trouble(reader.error().detail);
    while (reader->next()) lessons.learn(reader->text());
  }
  const std::string snippet = lessons.to_toml(policy);
  for (const std::string& what : lessons.left_out()) {
    (void)std::fprintf(stderr, "docker-control: cannot be learnt: %s\n", what.c_str());
  }
  if (!snippet.empty()) return print(snippet, kGood);
  return print("# nothing was refused that the policy could allow\n", kGood);
}

int PolicyCommand::diff() const {
  const auto before = read_policy(file_);
  const auto after = before ? read_policy(other_) : std::nullopt;
  if (!after) return kTrouble;
  const std::string changes = diff_policies(before->policy, after->policy);
  return print(changes, changes.empty() ? kGood : kFound);
}

int PolicyCommand::show() const {
  const auto read = read_policy(file_);
  if (!read) return kTrouble;
  if (!service_.empty() && read->policy.find(service_) == nullptr) {
    return trouble(file_ + " has no " + policy::section_name(service_));
  }
  return print(show_policy(read->policy, read->text, service_), kGood);
}

}  // namespace dc::admin
