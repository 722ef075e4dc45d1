// SPDX-License-Identifier: Apache-2.0
// What each service's containers, or networks, hold, for its quota and for devices that one
// container has at a time. Broker only. The Engine's lists tell what there is; what is being made
// or started is held here from before the Engine hears of it until a list that was asked for later
// could show it. So a quota is exact however many runs race, and a new broker learns it all from
// the first list.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "policy/profile.hpp"

namespace dc::broker {

// Of one container or network.
struct Holding {
  ServiceName service;
  std::uint64_t containers = 1;
  std::uint64_t networks = 0;
  // A container that runs, or may at any moment; else it only exists, and what follows is free.
  bool live = false;
  std::uint64_t memory = 0;     // bytes
  std::uint64_t nano_cpus = 0;  // billionths of a processor
  std::uint64_t ports = 0;      // published
  std::vector<std::string> devices;
  bool restarts = false;   // by the Engine's own will, so it is live whatever its state
  bool exclusive = false;  // its devices are for nobody else
};

// The label that says what a container holds, and back. A label that says nothing holds nothing.
std::string holds_text(const Holding& holding);
void read_holds(std::string_view text, Holding& holding);

class Ledger {
 public:
  using Moment = std::uint64_t;
  using Holdings = std::map<std::string, Holding, std::less<>>;  // by nonce

  // To be taken when the Engine is asked for its list.
  Moment now() { return ++clock_; }
  // What the list that was asked for at `asked` showed: of everybody, or of one service. What an
  // earlier question was about is not answered by it again.
  void reconcile(Moment asked, const Holdings& found, const ServiceName* only = nullptr);

  // Holds this for a container that is about to be made or started.
  // Errc::quota_exceeded: the service's quota has no room for it; Errc::conflict: another
  // container has one of its devices, and the profile wants them for one alone.
  Result<void> take(const std::string& nonce, Holding holding, const policy::Profile& profile);
  // It was made or started, or perhaps not: the next list tells.
  void settle(const std::string& nonce);
  // It is not there.
  void release(const std::string& nonce);

 private:
  struct Place {
    Holding holding;
    unsigned under_way = 0;  // how many work on it
    Moment settled = 0;
  };
  [[nodiscard]] Holding sum_without(std::string_view nonce, const ServiceName& service) const;
  // Whether a container other than that of `nonce` has the device and one of both wants it alone.
  [[nodiscard]] bool is_taken(const std::string& device, std::string_view nonce,
                              bool exclusive) const;

  // When the newest list was asked for that showed this service's.
  [[nodiscard]] Moment newest(const ServiceName& service) const;

  std::map<std::string, Place, std::less<>> places_;       // by nonce
  std::map<std::string, Moment, std::less<>> of_service_;  // lists of one service
  Moment of_all_ = 0;
  Moment clock_ = 0;
};

}  // namespace dc::broker
