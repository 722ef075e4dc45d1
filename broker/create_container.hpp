// SPDX-License-Identifier: Apache-2.0
// The container that we ask the Engine for, and the check that it is the one that we got. Broker
// only. Both stand in one file, so that a field added to one is missed in the other by nobody.
#pragma once

#include <string>
#include <string_view>
#include "broker/container_view.hpp"
#include "broker/ownership.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// An allowed run with everything resolved that the Engine would otherwise look up by name.
struct ContainerPlan {
  const policy::Allowed<RunContainer>& allowed;
  ImageId image;
  std::string network_mode;  // "bridge", "host", "none" or a network's id
  OwnerLabels labels;        // transient: the broker removes it after its end
};

// Body of POST /containers/create.
std::string create_body(const ContainerPlan& plan);

// Compares what the Engine made with what create_body() asked for, field by field.
// Errc::policy_not_enforced names the first field that differs.
Result<void> check_created(const ContainerPlan& plan, const ContainerView& created);

}  // namespace dc::broker
