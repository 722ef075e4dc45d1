// SPDX-License-Identifier: Apache-2.0
// Asks the Engine what our containers or networks hold and whether there is room for one more.
// Broker only; labels count where their proof holds.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
#include "broker/engine.hpp"
#include "broker/ledger.hpp"
#include "broker/ownership.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// A place in the ledger for one container, for as long as somebody works on it. What becomes of it
// then is settled by the Engine's next list, unless it is said that there is no container.
class Admission {
 public:
  Admission(Ledger& ledger, std::string nonce) : ledger_(ledger), nonce_(std::move(nonce)) {}
  ~Admission() { gone_ ? ledger_.release(nonce_) : ledger_.settle(nonce_); }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  void no_container() { gone_ = true; }

 private:
  Ledger& ledger_;
  std::string nonce_;
  bool gone_ = false;
};
using AdmissionPtr = std::shared_ptr<Admission>;

class Quotas {
 public:
  Quotas(Engine& engine, const Ownership& ownership) : engine_(engine), ownership_(ownership) {}

  // Asks for room for the container or network of this nonce under a profile. Errors: those of
  // Ledger::take() and of Engine::send.
  void admit(std::string nonce, Holding holding, policy::ProfilePtr profile,
             std::function<void(Result<AdmissionPtr>)> admitted);

 private:
  struct Waiting {
    std::string nonce;
    Holding holding;
    policy::ProfilePtr profile;
    std::function<void(Result<AdmissionPtr>)> admitted;
  };
  // One question to the Engine, and who waits for an answer that is asked for after they came.
  struct Question {
    std::vector<Waiting> next;
    bool under_way = false;
  };

  void ask(const std::string& about);
  void answered(const std::string& about, Ledger::Moment asked, const std::vector<Waiting>& waiting,
                Result<EngineResponse> response);
  [[nodiscard]] Ledger::Holdings read_containers(std::string_view list) const;
  [[nodiscard]] Ledger::Holdings read_networks(std::string_view list) const;

  Engine& engine_;
  const Ownership& ownership_;
  Ledger containers_, networks_;
  std::map<std::string, Question, std::less<>> questions_;  // by what they are about
};

}  // namespace dc::broker
