// SPDX-License-Identifier: Apache-2.0
// The container that we ask the Engine for, and the check that it is the one that we got. Broker
// only. Both go by one list of members, so that a field added to one is missed in the other by
// nobody.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include "broker/container_view.hpp"
#include "broker/host_paths.hpp"
#include "broker/ledger.hpp"
#include "broker/ownership.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// An allowed run with everything resolved that the Engine would otherwise look up by name.
struct ContainerPlan {
  const policy::Allowed<RunContainer>& allowed;
  ImageId image;
  std::string network_mode;  // "bridge", "host", "none" or a network's id
  OwnerLabels labels;        // transient: the broker removes it after its end
  HostView host;             // what its mounts and devices lead to
  std::string healthcheck;   // JSON for the Engine; empty: the image's as it is
};

// The health check that is sent, as JSON: the caller's, and the image's own intervals lengthened to
// the profile's least. Empty when there is nothing to send. `image_config`: of the image's inspect.
std::string health_of(const RunContainer& run, const policy::Profile& profile,
                      std::string_view image_config);

// What the container counts as in its service's quota.
Holding holding_of(const ContainerPlan& plan);

// Body of POST /containers/create.
std::string create_body(const ContainerPlan& plan);

// Compares what the Engine made with what create_body() asked for, field by field, and sees that no
// mount is there that was not asked for. Errc::policy_not_enforced names a field that differs.
Result<void> check_created(const ContainerPlan& plan, const ContainerView& created);

// --- what both of these go by --------------------------------------------------------------------

// Members of a JSON object.
using Members = std::map<std::string, std::string, std::less<>>;
std::string object(const Members& members);
std::string in_quotes(std::string_view text);
std::string port_key(const Port& port);

// What is sent as HostConfig (host_config.cpp), and beside it.
Members host_config(const ContainerPlan& plan);
Members config(const ContainerPlan& plan);

}  // namespace dc::broker
