// SPDX-License-Identifier: Apache-2.0
// Times as text, in UTC. Front. Not with gmtime(), which reads the time zone's file: a sealed
// process has no files.
#pragma once

#include <chrono>
#include <string>

namespace dc::daemon {

// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::chrono::sys_seconds time);

// RFC 3339: "1994-11-06T08:49:37Z".
std::string iso_date(std::chrono::sys_seconds time);

}  // namespace dc::daemon
