// SPDX-License-Identifier: Apache-2.0
// Readers of the keys about what a container may be given. Broker and command line only.
#pragma once

#include "policy/load_value.hpp"

namespace dc::policy::reading {

void read_mounts(const Value& value, Profile& profile);
// The same rule over all services that were read so far.
void check_mounts_of_others(const Value& table, const Profile& profile, const Policy& policy);
void read_devices(const Value& value, Profile& profile);
void read_gpus(const Value& value, Profile& profile);
void read_capabilities(const Value& value, Profile& profile);
void read_ulimits(const Value& value, Profile& profile);
void read_logs(const Value& value, Profile& profile);
void read_extra_hosts(const Value& value, Profile& profile);

}  // namespace dc::policy::reading
